# SPDX-License-Identifier: Apache-2.0

"""Connects to the Spark Connect server whose URL is the argument. It has to accept the token in TOKEN and no other."""

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


url, token = sys.argv[1], os.environ["TOKEN"]
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
