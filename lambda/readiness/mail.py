"""The one e-mail of a check that started no run: what is wrong, what happens next, what to do."""

from __future__ import annotations

import html
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from dump import Dump, Table
from request import EST, Request
from shelfweek.night_files import State

MAX_PROBLEMS_TOLD = 5


@dataclass(frozen=True)
class Mail:
    """A mail without its addresses."""

    subject: str
    text: str


def not_ready(
    request: Request, dump: Dump, function_name: str, airflow_problem: str | None
) -> Mail:
    """The dump is not whole.

    airflow_problem: why Airflow could not say that the night was started already, if it was asked
        in vain.
    """
    verdict = "not loaded" if request.check and not request.next_check else "not ready"
    paragraphs = [
        f"The dump of {request.load_date} is not whole ({_occasion(request)}). It started no run.",
        _where(dump),
        _table_of_states(dump),
        _what_follows(request),
    ]
    if airflow_problem:
        paragraphs.append(
            "Airflow could not be asked whether the night was started before after all:\n"
            f"  {airflow_problem}"
        )
    if request.next_check:
        paragraphs.append("An unload that is merely late needs nobody.")
    steps = [
        "See whether tonight's unload ran and what it said:\n  python snowflake/deploy.py status",
        "Unload the night again once the cause is mended:\n"
        f"  python snowflake/deploy.py unload --load-date {request.load_date}",
        _check_again(request, function_name),
    ]
    if any(table.state is State.STALE for table in dump.tables):
        steps.insert(1, "Move files of other nights out of tonight's folders.")
    if any(problem.state is State.UNFIT for table in dump.tables for problem in table.problems):
        steps.insert(1, "Rename the files that do not fit, or move them out of tonight's folders.")
    return _letter(request, verdict, paragraphs, steps)


def not_started(request: Request, dump: Dump, function_name: str, reason: str) -> Mail:
    """The dump is whole, but Airflow was not reached or refused the run."""
    paragraphs = [
        f"All files of {request.load_date} are ready ({_occasion(request)}), "
        "but the run was not started:",
        f"  {reason}",
        _where(dump),
        _what_follows(request),
    ]
    steps = [
        "Mend the cause: Airflow, its DAG, or the login in Secrets Manager. The files are fine.",
        _check_again(request, function_name),
    ]
    return _letter(request, "files ready, run not started", paragraphs, steps)


def paused(request: Request, dump: Dump, function_name: str, dag_id: str) -> Mail:
    """The DAG is paused, so that the night's run would wait for ever, or does already."""
    what, is_there = ("All files", "are ready") if dump.is_ready else ("The run", "is there")
    paragraphs = [
        f"{what} of {request.load_date} {is_there} ({_occasion(request)}), "
        f"but the DAG {dag_id} is paused:\n"
        "Airflow starts no run of it, and one that is there waits until the DAG is unpaused.",
        _where(dump),
        _what_follows(request),
    ]
    steps = [
        "Unpause the DAG by its switch in Airflow's list of DAGs, or:\n"
        f"  airflow dags unpause {dag_id}",
        _check_again(request, function_name),
    ]
    return _letter(request, "DAG paused, night not loaded", paragraphs, steps)


def run_failed(request: Request, dump: Dump, function_name: str, dag_id: str) -> Mail:
    """The night has a run, which has failed."""
    paragraphs = [
        f"The run {request.run_id} of the DAG {dag_id} has failed ({_occasion(request)}).",
        *_dump_of_a_run(dump),
        _what_follows_a_run(request),
    ]
    steps = [
        "Look in Airflow which task has failed and why (docs/orchestration.md); mend the cause.",
        f"Run the night again: clear the failed tasks of {request.run_id} in Airflow, or all of "
        "its tasks, if the files of the night are still the same.",
        f"Has the night been unloaded again? Then delete {request.run_id} in Airflow first. "
        f"{_check_again(request, function_name)}",
    ]
    return _letter(request, "run failed, night not loaded", paragraphs, steps)


def run_queued(
    request: Request, dump: Dump, function_name: str, dag_id: str, since: datetime
) -> Mail:
    """The night has a run, which does not begin."""
    paragraphs = [
        f"The run {request.run_id} of the DAG {dag_id} is there ({_occasion(request)}), "
        f"but waits in its queue since {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC.",
        *_dump_of_a_run(dump),
        _what_follows_a_run(request),
    ]
    steps = [
        "Look in Airflow whether another run of the DAG is at work, which this one waits for, "
        "and whether scheduler and workers are. The run then begins by itself.",
        _check_again(request, function_name),
    ]
    return _letter(request, "run waits, night not loaded", paragraphs, steps)


def unreadable(request: Request, function_name: str, reason: str) -> Mail:
    """The landing cannot be listed or read."""
    paragraphs = [
        f"Whether the dump of {request.load_date} is whole is not known ({_occasion(request)}). "
        "The check started no run:",
        f"  {reason}",
        _what_follows(request),
    ]
    steps = [
        "Mend the cause: the rights of the check's role (docs/readiness.md), the bucket's policy, "
        "or its key.",
        _check_again(request, function_name),
    ]
    return _letter(request, "landing not readable", paragraphs, steps)


def unforeseen(request: Request, function_name: str, reason: str) -> Mail:
    """The check ended by an error of its own."""
    paragraphs = [
        f"The check of {request.load_date} failed ({_occasion(request)}). "
        "Whether the dump is whole and has a run is not known:",
        f"  {reason}",
        _what_follows(request),
    ]
    steps = [
        f"Read the check's log, /aws/lambda/{function_name}: the event check_failed says where.",
        "Look in Airflow whether the night has a run.",
        _check_again(request, function_name),
    ]
    return _letter(request, "check failed", paragraphs, steps)


def settings_refused(request: Request, reason: str) -> Mail:
    """The check cannot be run with its settings."""
    paragraphs = [
        f"The dump of {request.load_date} was not checked ({_occasion(request)}):",
        f"  {reason}",
        _what_follows(request),
    ]
    steps = [
        "Correct the parameter of the check's stack and deploy it (docs/readiness.md, Deploy).",
        "Check the night again by hand (docs/readiness.md, Run a night again by hand).",
    ]
    return _letter(request, "check has a wrong setting", paragraphs, steps)


def send(ses: Any, sender: str, recipients: tuple[str, ...], mail: Mail) -> str:
    """Send a mail through SES and return its message id.

    Raises:
        botocore.exceptions.ClientError: SES refuses it.
        botocore.exceptions.BotoCoreError: SES gives no answer.
    """
    # In a proportional font the columns would not stand under each other.
    page = f"<pre>{html.escape(mail.text)}</pre>"
    answer = ses.send_email(
        FromEmailAddress=sender,
        Destination={"ToAddresses": list(recipients)},
        Content={
            "Simple": {
                "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
                "Body": {
                    "Text": {"Data": mail.text, "Charset": "UTF-8"},
                    "Html": {"Data": page, "Charset": "UTF-8"},
                },
            }
        },
    )
    return str(answer["MessageId"])


def _letter(request: Request, verdict: str, paragraphs: list[str], steps: list[str]) -> Mail:
    return Mail(_subject(request, verdict), _text([*paragraphs, _what_to_do(steps)]))


def _subject(request: Request, verdict: str) -> str:
    subject = f"Shelfweek {request.load_date}: {verdict}"
    if request.next_check:
        return f"{subject}, next check at {_clock(request.load_date, request.next_check)}"
    return f"{subject}, no check follows"


def _occasion(request: Request) -> str:
    return f"check {request.check} of 2" if request.check else "checked by hand"


def _where(dump: Dump) -> str:
    state = dump.manifest_problem or "there"
    return f"landing   {dump.landing_uri}\nmanifest  {dump.manifest_uri}\n          {state}"


def _table_of_states(dump: Dump) -> str:
    lines = [("table", "state", "what is wrong")]
    for table in dump.tables:
        told = _told(table)
        lines.append((table.name, table.state, told[0] if told else ""))
        lines += [("", "", text) for text in told[1:]]
    widths = [max(len(line[column]) for line in lines) for column in (0, 1)]
    rows = [f"{a:{widths[0]}}  {b:{widths[1]}}  {c}".rstrip() for a, b, c in lines]
    return "\n".join([rows[0], "-" * max(map(len, rows)), *rows[1:]])


def _told(table: Table) -> list[str]:
    texts = [problem.brief for problem in table.problems]
    if len(texts) > MAX_PROBLEMS_TOLD:
        texts[MAX_PROBLEMS_TOLD:] = [f"and {len(texts) - MAX_PROBLEMS_TOLD:,} more"]
    return texts


def _dump_of_a_run(dump: Dump) -> list[str]:
    return [_where(dump)] if dump.is_ready else [_where(dump), _table_of_states(dump)]


def _what_follows_a_run(request: Request) -> str:
    if request.next_check:
        clock = _clock(request.load_date, request.next_check)
        return f"Another check follows at {clock}; it starts no second run."
    return (
        "No other check follows. The night is loaded only after somebody has looked after its run."
    )


def _what_follows(request: Request) -> str:
    if request.next_check:
        clock = _clock(request.load_date, request.next_check)
        return f"Another check follows at {clock}; if the dump is whole then, it starts the run."
    if request.check:
        return (
            "Both checks of this night have failed and no other follows.\n"
            "The night is loaded only after somebody has done what stands below."
        )
    return "No other check follows this one, which was asked for by hand."


def _check_again(request: Request, function_name: str) -> str:
    return (
        "Check the night again; if it is whole, that starts its run, never a second one:\n"
        f"  aws lambda invoke --function-name {function_name} --cli-read-timeout 200 \\\n"
        "    --cli-binary-format raw-in-base64-out \\\n"
        f'    --payload \'{{"load_date": "{request.load_date}"}}\' answer.json'
    )


def _what_to_do(steps: list[str]) -> str:
    numbered = [
        f"{number}. {step}".replace("\n", "\n   ") for number, step in enumerate(steps, start=1)
    ]
    return "\n".join(["What to do", *numbered])


def _clock(day: date, utc: time) -> str:
    est = datetime.combine(day, utc, UTC).astimezone(EST)
    return f"{est.hour}:{est:%M} EST ({utc.hour}:{utc:%M} UTC)"


def _text(paragraphs: list[str]) -> str:
    return "\n\n".join(paragraphs) + "\n"
