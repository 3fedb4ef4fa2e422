"""Copies topics by Spark. What to copy, and how to get in, comes as JSON on stdin."""
import json
import sys

from pyspark.sql import SparkSession

given = json.load(sys.stdin)
builder = SparkSession.builder.master("local[1]").config("spark.jars", given["jars"])
for name, value in {"ui.enabled": "false", "driver.host": "127.0.0.1", "driver.bindAddress": "127.0.0.1"}.items():
    builder = builder.config("spark." + name, value)
spark = builder.getOrCreate()
for job in given["jobs"]:
    lines = spark.read.format("kafka").options(**job["options"]).option("subscribe", job["from"]).load()
    lines.selectExpr("value").write.format("kafka").options(**job["options"]).option("topic", job["to"]).save()
