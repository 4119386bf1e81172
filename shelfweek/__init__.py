"""What a night needs beside the dbt models; the same on a laptop and under Airflow."""
