"""Computes aggregates of Tillstream's archive on Apache Spark.

    python driver.py

It takes one JSON object a line on stdin: first the settings of the session, then jobs, which it computes one after the
other. The end of stdin ends it. What it answers goes to stdout, also one JSON object a line; Spark's own log goes to stderr.

A job has tables, each a list of Parquet files, views over them, and a query, whose rows become files in folders pass=NAME
of its output. Nothing is kept from one job to the next, so a job can be given again after any failure.
"""
import json
import queue
import sys
import threading
import time
import traceback

import pyspark
from pyspark.sql import SparkSession

WORKING_SECONDS = 10
# A task has a file for each pass open: with the 128 MB of the default they would not fit into memory.
ROW_GROUP_BYTES = 8 * 1024 * 1024


lock = threading.Lock()


def say(event, **fields):
    with lock:
        sys.__stdout__.write(json.dumps({"event": event, **fields}) + "\n")
        sys.__stdout__.flush()


def rows_of(session, columns, files):
    """Rows of the files. They may lack columns, which are NULL then."""
    if not files:
        nulls = ", ".join(f"CAST(NULL AS {type}) AS {name}" for name, type in columns.items())
        return session.sql(f"SELECT {nulls} WHERE false")
    reader = session.read.schema(", ".join(f"{name} {type}" for name, type in columns.items()))
    # A name of a file is no pattern.
    return reader.option("__globPaths__", "false").parquet(*files)


def file_system(spark, address):
    path = spark._jvm.org.apache.hadoop.fs.Path(address)
    return path.getFileSystem(spark._jsparkSession.sessionState().newHadoopConf()), path


def compute(spark, job):
    session = spark.newSession()
    for name, value in job["conf"].items():
        session.conf.set(name, value)
    cached = []
    for name, spec in job["tables"].items():
        large, small = spec["files"]["large"], spec["files"]["small"]
        rows = None if small and not large else rows_of(session, spec["columns"], large).where(spec["where"])
        if small:
            kept = rows_of(session, spec["columns"], small).where(spec["where"]).coalesce(1).cache()
            cached.append(kept)
            # The others first, as a task would wait while the rows to keep are read by another.
            rows = kept if rows is None else rows.unionAll(kept)
        rows.createOrReplaceTempView(name)
    for name, sql in job["views"].items():
        session.sql(sql).createOrReplaceTempView(name)
    result = session.sql(job["query"])
    if job["few"]:
        # One task a pass, without a shuffle.
        result = result.coalesce(1)
    try:
        writer = result.write.partitionBy("pass").option("parquet.block.size", ROW_GROUP_BYTES)
        writer.parquet(job.get("remote") or job["output"])
    finally:
        for rows in cached:
            rows.unpersist()
    if job.get("remote"):
        files, remote = file_system(spark, job["remote"])
        files.copyToLocalFile(True, remote, spark._jvm.org.apache.hadoop.fs.Path(job["output"]), True)


def read(jobs, spark):
    for line in sys.stdin:
        jobs.put(json.loads(line))
    jobs.put(None)
    # Nobody waits for what is being computed.
    spark.sparkContext.cancelAllJobs()


def tell_of_work(spark, is_computing):
    """Says how many tasks are done, by which a job that hangs is known from one that is long."""
    tracker = spark.sparkContext.statusTracker()
    while True:
        time.sleep(WORKING_SECONDS)
        if is_computing.is_set():
            stages = [tracker.getStageInfo(id) for id in tracker.getActiveStageIds()]
            say("working", tasks=[[each.stageId, each.numCompletedTasks] for each in stages if each])


def main():
    settings = json.loads(sys.stdin.readline())
    say("begun", pyspark=pyspark.__version__)
    if pyspark.__version__ != settings["spark"]:
        return
    builder = SparkSession.builder
    for name, value in settings["conf"].items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    if "scratch" in settings:
        # Results of a driver that was killed.
        files, scratch = file_system(spark, settings["scratch"])
        files.delete(scratch, True)
    say("session", version=spark.version)
    jobs, is_computing = queue.Queue(), threading.Event()
    threading.Thread(target=read, args=(jobs, spark), daemon=True).start()
    threading.Thread(target=tell_of_work, args=(spark, is_computing), daemon=True).start()
    while (job := jobs.get()) is not None:
        is_computing.set()
        try:
            compute(spark, job)
            say("computed", id=job["id"], error=None)
        except Exception as error:
            traceback.print_exc()
            say("computed", id=job["id"], error=" ".join(str(error).splitlines()[:2])[:500])
            # Without its JVM or its application it can compute nothing any more.
            if spark._jsparkSession.sparkContext().isStopped():
                sys.exit(1)
        is_computing.clear()
    spark.stop()


if __name__ == "__main__":
    main()
