{#- The rejected rows of this run, each with its reason and the lines where it stands in its file
    (counted from 1, the header; a malformed record: where it begins).

    Spark tells no line numbers. But the rows of a block are numbered in the order of the file, so a
    line is found by counting: the rows above it, the further lines of those that take more than
    one, and the blank lines, which Spark skips.

    Arguments
        rows:     relation of all rows of the run, in the shape of rows_of_tables
        repeated: relation of the repeated rows among them
        files:    relation of its files -#}
{% macro rejects_located(rows, repeated, files) %}
    with files as (

        select * from {{ files }}

    ),

    repeated_rows as (

        select * from {{ repeated }}
        where resolution <> 'kept'

    ),

    all_rows as (

        select * from {{ rows }}

    ),

    blocks as (

        select
            raw_table,
            file_name,
            block_start,
            min(row_id) as first_row_id,
            coalesce(
                sum(sum(line_count)) over (
                    partition by raw_table, file_name
                    order by block_start
                    rows between unbounded preceding and 1 preceding
                ),
                0
            ) as lines_above
        from all_rows
        where block_start is not null
        group by raw_table, file_name, block_start

    ),

    -- Rows that do not fit by themselves, or by their date. Of equal rows with a wrong date one
    -- counts here, the others are duplicates.
    judged as (

        select
            all_rows.raw_table,
            all_rows.row_id,
            all_rows.file_name,
            all_rows.block_start,
            all_rows.line_number,
            all_rows.line_count,
            all_rows.text_hash,
            all_rows.reject_column,
            all_rows.raw_row,
            all_rows.load_date,
            case
                when repeated_rows.resolution = 'conflicting_duplicate'
                    then repeated_rows.resolution
                when repeated_rows.resolution is null
                    then coalesce(all_rows.row_reject_reason, all_rows.date_reject_reason)
            end as reason
        from all_rows
        left join repeated_rows
            on all_rows.raw_table = repeated_rows.raw_table
            and all_rows.row_id = repeated_rows.row_id

    ),

    -- The rows that are looked for, and those that take more than one line.
    landmarks as (

        select * from judged
        where reason is not null or line_count > 1

    ),

    -- Counted from the header, the first line, without blank ones.
    counted as (

        select
            landmarks.*,
            2 + blocks.lines_above + landmarks.row_id - blocks.first_row_id
            + coalesce(sum(landmarks.line_count - 1) over rows_above, 0) as nonblank_line_number
        from landmarks
        left join blocks
            on landmarks.raw_table = blocks.raw_table
            and landmarks.file_name = blocks.file_name
            and landmarks.block_start = blocks.block_start
        window
            rows_above as (
                partition by landmarks.raw_table, landmarks.file_name, landmarks.block_start
                order by landmarks.row_id
                rows between unbounded preceding and 1 preceding
            )

    )

    select
        counted.raw_table,
        counted.row_id,
        counted.file_name,
        counted.reason,
        counted.reject_column,
        counted.text_hash,
        counted.raw_row,
        coalesce(
            counted.line_number,
            counted.nonblank_line_number
            + aggregate(
                filter(files.blank_runs, run -> run.lines_before < counted.nonblank_line_number),
                cast(0 as bigint),
                (blank_lines, run) -> blank_lines + run.line_count
            )
        ) as line_number,
        counted.line_count,
        counted.load_date
    from counted
    left join files
        on counted.raw_table = files.raw_table
        and counted.file_name = files.file_name
    where counted.reason is not null
{% endmacro %}
