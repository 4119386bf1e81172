"""The weekly fact of one night as a short PySpark program makes it: the yardstick of `make bench`.

Types are inferred, quantities are floating numbers, and nothing is judged, tested or kept but one
folder of parquet: what a data engineer writes in an afternoon.
"""

from __future__ import annotations

import sys
from datetime import date, timedelta
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

KEY = ["year_number", "week_number", "store_key", "product_key"]


def main(landing: Path, load_date: date, target: Path) -> None:
    """Read a night's CSV files and write the fact."""
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", "3g")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "4")
        .getOrCreate()
    )

    def read(table: str) -> DataFrame:
        folder = landing / table / f"load_date={load_date}"
        found = spark.read.csv(str(folder), header=True, inferSchema=True)
        return found.toDF(*(name.lower() for name in found.columns))

    as_of = load_date - timedelta(days=1)
    days = read("calendar").select(
        f.col("cal_dt").alias("day"),
        f.col("yr_num").alias("year_number"),
        f.col("wk_num").alias("week_number"),
    )
    weeks = days.groupBy("year_number", "week_number").agg(
        f.min("day").alias("week_start_date"),
        f.max("day").alias("week_end_date"),
        f.sum((f.col("day") <= f.lit(as_of)).cast("int")).alias("days_in_week"),
    )
    sales = (
        read("sales")
        .dropDuplicates()
        .groupBy(
            f.col("trans_dt").alias("day"),
            "store_key",
            f.col("prod_key").alias("product_key"),
        )
        .agg(
            f.sum("sales_qty").alias("qty"),
            f.sum("sales_amt").alias("amt"),
            f.sum("sales_cost").alias("cost"),
        )
    )
    stock = (
        read("inventory")
        .dropDuplicates()
        .select(
            f.col("cal_dt").alias("day"),
            "store_key",
            f.col("prod_key").alias("product_key"),
            f.col("inventory_on_hand_qty").alias("on_hand"),
            f.col("inventory_on_order_qty").alias("on_order"),
            f.col("out_of_stock_flg").cast("int").alias("is_out"),
        )
    )
    joined = sales.join(stock, ["day", "store_key", "product_key"], "full_outer").fillna(
        0, ["qty", "amt", "cost", "is_out"]
    )
    low = f.coalesce(f.col("on_hand") < f.col("qty"), f.lit(False))
    lost = f.col("amt") - f.coalesce(f.col("on_hand") * f.col("amt") / f.col("qty"), f.lit(0.0))
    daily = joined.withColumn("is_low", low.cast("int")).withColumn(
        "lost", f.when(low, lost).otherwise(0.0)
    )
    counted = f.when(
        f.col("on_hand").isNotNull(),
        f.struct("day", "on_hand", "on_order"),
    )
    weekly = (
        daily.join(days, "day")
        .groupBy(*KEY)
        .agg(
            f.sum("qty").alias("total_sales_qty"),
            f.sum("amt").alias("total_sales_amt"),
            f.sum("cost").alias("total_sales_cost"),
            f.max(counted).alias("stock"),
            f.sum("lost").alias("potential_low_stock_impact"),
            f.sum(f.col("amt") * f.col("is_out")).alias("no_stock_impact"),
            f.sum("is_low").alias("low_stock_instances"),
            f.sum("is_out").alias("no_stock_instances"),
        )
        .join(weeks, ["year_number", "week_number"])
    )
    quantity, out = f.col("total_sales_qty"), f.col("no_stock_instances")
    fact = weekly.select(
        *KEY,
        "week_start_date",
        "week_end_date",
        (f.col("week_end_date") <= f.lit(as_of)).alias("is_complete_week"),
        "days_in_week",
        quantity,
        "total_sales_amt",
        f.when(quantity != 0, f.col("total_sales_amt") / quantity).alias("avg_sales_price"),
        f.col("stock.on_hand").alias("week_end_on_hand_qty"),
        f.col("stock.on_order").alias("week_end_on_order_qty"),
        f.col("stock.day").alias("stock_as_of_date"),
        "total_sales_cost",
        (1 - out / f.col("days_in_week")).alias("in_stock_rate"),
        (out + f.col("low_stock_instances")).alias("total_low_stock_impact"),
        "potential_low_stock_impact",
        "no_stock_impact",
        "low_stock_instances",
        (out / f.col("days_in_week")).alias("out_of_stock_rate"),
        out,
        f.when(quantity > 0, f.col("stock.on_hand") / quantity).alias("weeks_of_supply"),
    )
    fact.write.mode("overwrite").parquet(str(target))
    spark.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), date.fromisoformat(sys.argv[2]), Path(sys.argv[3]))
