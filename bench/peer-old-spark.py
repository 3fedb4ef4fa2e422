"""The pattern of the old pipeline on Spark: each message becomes a DataFrame of its own, which is counted.

    python peer-old-spark.py MESSAGES.ndjson      prints {"messages": n, "seconds": x}, after a warm-up of ten messages
"""
import json
import sys
import time

from pyspark.sql import SparkSession

spark = (
    SparkSession.builder.master("local[*]")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .getOrCreate()
)
with open(sys.argv[1], encoding="utf-8") as file:
    messages = file.read().splitlines()


def process(message):
    event = json.loads(message)
    row = {name: str(event.get(name)) for name in ("timestamp", "event_type", "device_type")}
    rows = spark.createDataFrame([row]).groupBy("event_type", "device_type").count().collect()
    return sum(each["count"] for each in rows)


for message in messages[:10]:
    process(message)
started = time.monotonic()
counted = sum(process(message) for message in messages[10:])
print(json.dumps({"messages": counted, "seconds": time.monotonic() - started}))
spark.stop()
