"""Runs jobs of deploy/spark/driver.py one after the other in one Spark, as each start of Spark takes long.

    python spark-jobs.py deploy/spark conf.json       job files come on stdin, a path a line; each is answered by a line

A line "compute PATH" is for a batch over files, any other for a query over a topic.
"""
import json
import sys

sys.path.insert(0, sys.argv[1])
import driver  # noqa: E402

with open(sys.argv[2], encoding="utf-8") as file:
    builder = driver.SparkSession.builder
    for name, value in json.load(file).items():
        builder = builder.config(name, value)
spark = builder.getOrCreate()
for line in sys.stdin:
    word, _, path = line.strip().partition(" ")
    if word == "compute":
        driver.compute(spark, path)
        continue
    with open(word, encoding="utf-8") as file:
        job = json.load(file)
    session = spark.newSession()
    for name, value in job["conf"].items():
        if name.startswith("spark.sql."):
            session.conf.set(name, value)
    try:
        driver.start(session, job).awaitTermination()
        driver.say("end")
    except Exception as error:
        driver.say("failed", error=str(error))
