"""What somebody writes who needs one number now: a job that reads JSON from Kafka and counts by minute, type and device. Each
line of stdin is a topic, counted once more in the same Spark. Arguments: brokers, jars."""
import json
import sys
import time

from pyspark.sql import SparkSession

brokers, jars = sys.argv[1:]
spark = (
    SparkSession.builder.master("local[*]")
    .config("spark.jars", jars)
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.driver.memory", "1g")
    .config("spark.ui.enabled", "false")
    .config("spark.ui.showConsoleProgress", "false")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.ansi.enabled", "false")
    .config("spark.sql.shuffle.partitions", "2")
    .config("spark.driver.extraJavaOptions", "-XX:+UseParallelGC")
    .getOrCreate()
)
SQL = """SELECT unix_seconds(e.timestamp) div 60 AS minute, e.event_type, e.device_type, count(*) AS events
FROM (SELECT from_json(CAST(value AS STRING), 'timestamp TIMESTAMP, event_type STRING, device_type STRING') AS e FROM records)
WHERE e.event_type IS NOT NULL AND e.timestamp IS NOT NULL GROUP BY ALL"""
print("ready", flush=True)
for line in sys.stdin:
    started = time.monotonic()
    records = spark.read.format("kafka").option("kafka.bootstrap.servers", brokers)
    records.option("subscribe", line.strip()).load().createOrReplaceTempView("records")
    rows = spark.sql(SQL).collect()
    answer = {"seconds": time.monotonic() - started, "events": sum(row.events for row in rows)}
    print(json.dumps(answer), flush=True)
spark.stop()
