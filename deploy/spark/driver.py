"""Runs a job of Tillstream on Apache Spark. What it computes is in the job file; this is only what SQL can't say.

    python driver.py job.json

Events go to stdout, one JSON object a line; Spark's own log goes to stderr. A line "drain" on stdin ends the query after
what the log has now; "stop", or the end of stdin, ends it at once; "compute FILE" has the batch in that file computed beside
the query. Whoever started this takes every exit for a failure but the one that it asked for.
"""
import json
import os
import sys
import tempfile
import threading
import traceback
import zipfile

import pyspark
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import lit
from pyspark.sql.streaming import StreamingQueryListener

# By this mark Spark knows the column whose rows and state go when the watermark has passed.
EVENT_TIME = {"spark.watermarkDelayMs": 0}
lock = threading.Lock()


def say(event, **fields):
    with lock:
        sys.__stdout__.write(json.dumps({"event": event, **fields}) + "\n")
        sys.__stdout__.flush()


class Listener(StreamingQueryListener):
    def onQueryStarted(self, event):
        say("started", run=str(event.runId))

    def onQueryProgress(self, event):
        say("progress", progress=json.loads(event.progress.json))

    def onQueryIdle(self, event):
        say("idle")

    def onQueryTerminated(self, event):
        say("terminated", error=event.exception)


def compile_java(spark, path):
    """Compiles with the compiler that Spark has inside, and gives the classes to all executors."""
    jvm, name = spark._jvm, os.path.basename(path).removesuffix(".java")
    compiler = jvm.org.codehaus.janino.SimpleCompiler()
    compiler.setParentClassLoader(jvm.Thread.currentThread().getContextClassLoader())
    with open(path, encoding="utf-8") as source:
        compiler.cook(source.read())
    jar = os.path.join(tempfile.mkdtemp(prefix="tillstream-"), name.lower() + ".jar")
    classes = compiler.getBytecodes()
    with zipfile.ZipFile(jar, "w") as file:
        for each in classes:
            file.writestr(each.replace(".", "/") + ".class", bytes(classes[each]))
    spark.sql("ADD JAR '" + jar + "'")
    return jvm.Class.forName(name, True, jvm.Thread.currentThread().getContextClassLoader())


def with_receipts(spark, rows, job):
    """The rows without bucket and id, and with one column more: whether their id was received within the time before."""
    jvm = spark._jvm
    java = compile_java(spark, job["java"])
    arguments = spark.sparkContext._gateway.new_array(jvm.Object, 2)
    arguments[0] = jvm.Long.valueOf(job["within_ms"])
    arguments[1] = jvm.Long.valueOf(job["buckets"])
    processor = java.getConstructors()[0].newInstance(arguments)
    # A time that never passes: no row may be dropped for its time, and only the state is to go with the watermark.
    rows = rows.withColumn("never", lit(2**63 - 1)).withMetadata("never", EVENT_TIME)
    encoders, streaming = jvm.org.apache.spark.sql.Encoders, jvm.org.apache.spark.sql.streaming
    by_bucket = rows._jdf.groupBy("bucket", spark.sparkContext._gateway.new_array(jvm.String, 0))
    grouped = getattr(by_bucket, "as")(encoders.INT(), encoders.row(rows._jdf.schema()))
    flagged = grouped.transformWithState(
        processor,
        streaming.TimeMode.EventTime(),
        streaming.OutputMode.Append(),
        encoders.row(rows.drop("bucket", "id", "never")._jdf.schema().add("duplicate", "boolean")),
    )
    return DataFrame(flagged, spark)


def checkpoint_of(spark, address):
    """With the name of its server: streaming takes no hdfs:///folder, which leaves that to Hadoop's configuration."""
    path = spark._jvm.org.apache.hadoop.fs.Path(address)
    return path.getFileSystem(spark._jsparkSession.sessionState().newHadoopConf()).makeQualified(path).toString()


def start(spark, job):
    records = spark.readStream.format("kafka").options(**job["source"]).load()
    records.withWatermark("timestamp", job["watermark"]).createOrReplaceTempView("records")
    for view in job["views"]:
        rows = spark.sql(view["sql"])
        if view.get("receipts"):
            rows = with_receipts(spark, rows, job)
        if view.get("evict_by"):
            rows = rows.withMetadata(view["evict_by"], EVENT_TIME)
        rows.createOrReplaceTempView(view["name"])
    writer = spark.table(job["views"][-1]["name"]).writeStream.outputMode("update").queryName("tillstream")
    if "trigger" in job:
        writer = writer.trigger(**job["trigger"])
    checkpoint = checkpoint_of(spark, job["checkpoint"])
    return writer.format("kafka").options(**job["sink"]).option("checkpointLocation", checkpoint).start()


def compute(spark, path):
    """A batch over files of the archive: the first column of the last view, a line for each row, in its order."""
    try:
        with open(path, encoding="utf-8") as file:
            job = json.load(file)
        session = spark.newSession()
        for name, value in job["conf"].items():
            session.conf.set(name, value)
        for name, table in job["tables"].items():
            reader = session.read.schema(table["schema"])
            rows = reader.parquet(*table["files"]) if table["files"] else session.createDataFrame([], table["schema"])
            rows.createOrReplaceTempView(name)
        for view in job["views"]:
            session.sql(view["sql"]).createOrReplaceTempView(view["name"])
        with open(job["output"], "w", encoding="utf-8") as file:
            for row in session.table(job["views"][-1]["name"]).toLocalIterator(prefetchPartitions=True):
                file.write(row[0] + "\n")
        say("computed", job=path, error=None)
    except Exception as error:
        traceback.print_exc()
        say("computed", job=path, error=" ".join(str(error).splitlines()[:2])[:500])


def obey(spark, query):
    for line in sys.stdin:
        word, _, path = line.strip().partition(" ")
        if word == "compute":
            threading.Thread(target=compute, args=(spark, path), daemon=True).start()
        elif word == "drain":
            query.processAllAvailable()
            break
        elif word == "stop":
            break
    query.stop()


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        job = json.load(file)
    say("begun", pyspark=pyspark.__version__)
    if pyspark.__version__ != job["spark"]:
        return
    builder = SparkSession.builder
    for name, value in job["conf"].items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    say("session", version=spark.version, application=spark.sparkContext.applicationId)
    spark.streams.addListener(Listener())
    query = start(spark, job)
    threading.Thread(target=obey, args=(spark, query), daemon=True).start()
    query.awaitTermination()
    say("end")
    spark.stop()


if __name__ == "__main__":
    main()
