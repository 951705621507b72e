# SPDX-License-Identifier: Apache-2.0

"""Clients of the Spark Connect server whose URL is the second argument. The first one says which:

check   the server has to accept the token in TOKEN and no other
stream  starts a streaming query, and stops it when it reads a line; then it goes without closing its session
"""

import os
import sys

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession


def count(url):
    spark = SparkSession.builder.remote(url).create()
    try:
        return spark.range(1000).filter("id % 2 = 1").count()
    finally:
        spark.stop()


def check(url, token):
    for refused in (url, f"{url}/;token=wrong{token}"):
        try:
            count(refused)
        except PySparkException as error:
            if "UNAUTHENTICATED" not in str(error):
                raise
        else:
            sys.exit("the server accepted a client without the token")
    if count(f"{url}/;token={token}") != 500:
        sys.exit("wrong count")


def query(spark):
    """Runs a query that takes ten minutes."""
    print("running", flush=True)
    # One task of an executor sleeps a second for each row.
    sleeps = "SELECT java_method('java.lang.Thread', 'sleep', 1000 + id - id) AS x FROM range(0, 600, 1, 1)"
    spark.sql(f"SELECT count(x) FROM ({sleeps})").collect()


def stream(spark):
    running = spark.readStream.format("rate").load().writeStream.format("noop").start()
    print("running", flush=True)
    sys.stdin.readline()
    running.stop()
    print("stopped", flush=True)
    os._exit(0)


if __name__ == "__main__":
    role, url, token = sys.argv[1], sys.argv[2], os.environ["TOKEN"]
    if role == "check":
        check(url, token)
    else:
        stream(SparkSession.builder.remote(url).create())
