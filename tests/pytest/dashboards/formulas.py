"""The weekly metrics over some stores and products of one week, written a second time."""

METRICS = {
    "total_sales_qty": "sum(total_sales_qty)",
    "total_sales_amt": "sum(total_sales_amt)",
    "avg_sales_price": "sum(total_sales_amt) / sum(total_sales_qty)",
    "week_end_on_hand_qty": "sum(week_end_on_hand_qty)",
    "week_end_on_order_qty": "sum(week_end_on_order_qty)",
    "total_sales_cost": "sum(total_sales_cost)",
    "in_stock_rate": "1 - sum(no_stock_instances) / sum(days_in_week)",
    "total_low_stock_impact": "sum(total_low_stock_impact)",
    "potential_low_stock_impact": "sum(potential_low_stock_impact)",
    "no_stock_impact": "sum(no_stock_impact)",
    "low_stock_instances": "sum(low_stock_instances)",
    "out_of_stock_rate": "sum(no_stock_instances) / sum(days_in_week)",
    "no_stock_instances": "sum(no_stock_instances)",
    "weeks_of_supply": "sum(week_end_on_hand_qty) / sum(total_sales_qty)",
}
"""SQL by column; weeks of supply only hold where every product was counted."""
