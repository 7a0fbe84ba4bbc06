"""Every rule between fields says, at the right place, what is wrong; and the API server refuses the same documents."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from mesoscale import crd, document
from mesoscale.document import asking, reading, shape
from mesoscale.errors import DocumentRefused
from mesoscale.model import schema
from mesoscale.model.rules import RULES

ROWS = "aggregates: [{name: rows, value: count(*)}]}}"  # of a window or session, and its end
WEATHER = "{name: w, contract: observation, replay: {dataset: nyc-2013}}"


def spec(sections: str, name: str = "p") -> str:
    head = "apiVersion: mesoscale.dev/v1alpha1\nkind: WeatherPipeline\n"
    return f"{head}metadata: {{name: {name}}}\nspec:\n{sections}"


def source(item: str) -> str:
    return spec(f"  sources:\n    - {item}\n")


def stage(item: str) -> str:
    return spec(f"  sources: [{WEATHER}]\n  stages:\n    - {item}\n")


def sink(item: str) -> str:
    return spec(f"  sources: [{WEATHER}]\n  sinks:\n    - {item}\n")


def table(fields: str) -> str:
    return sink(f"{{name: t, from: w, table: {{{fields}}}}}")


def services(fields: str) -> str:
    return spec(f"  sources: [{WEATHER}]\n  services: {{{fields}}}\n")


def job(item: str) -> str:
    return spec(f"  sources: [{WEATHER}]\n  jobs:\n    - {item}\n")


def check(fields: str) -> str:
    lists = f"  sources: [{WEATHER}]\n  sinks: [{{name: t, from: w, table: {{}}}}]\n  checks:\n"
    return spec(f"{lists}    - {{name: k, of: t, {fields}}}\n")


def contract(column: str, rest: str = "") -> str:
    columns = f"        - {{name: at, type: timestamp}}\n        - {column}\n"
    return spec(f"  sources: [{WEATHER}]\n  contracts:\n    - name: c\n      columns:\n{columns}{rest}")


class Row(NamedTuple):
    text: str
    place: str
    message: str
    hint: str = ""

    def told(self) -> str:
        return f"p.yaml:{self.place}: {self.message}" + (f"\n\nhint: {self.hint}" if self.hint else "")


BROKEN = [
    Row(
        spec(f"  sources: [{WEATHER}]\n", "pg-x"),
        "3:18: metadata.name",
        "the name of a pipeline must not begin with pg-",
        hint="PostgreSQL keeps schemas that begin with pg_ for itself",
    ),
    Row(
        spec(f"  sources: [{WEATHER}]\n", "public"),
        "3:18: metadata.name",
        "the pipeline has the name of a schema that PostgreSQL brings along",
    ),
    Row(
        source("{name: w, contract: observation}"),
        "6:7: spec.sources[0]",
        "a source has exactly one of replay, synthetic, openWeather, openMeteo, paged, push, files",
        hint="say where its records come from: replay: {dataset: nyc-2013}",
    ),
    Row(
        source("{name: w, contract: observation, push: {}, files: {path: in}}"),
        "6:7: spec.sources[0]",
        "a source has exactly one of replay, synthetic, openWeather, openMeteo, paged, push, files",
        hint="say where its records come from: replay: {dataset: nyc-2013}",
    ),
    Row(
        source("{name: w, contract: observatoin, push: {}}"),
        "6:27: spec.sources[0].contract",
        '"observatoin" is not a contract (fraud-score, observation, station, transaction)',
        hint='did you mean "observation"?',
    ),
    Row(
        source("{name: meso-w, contract: observation, push: {}}"),
        "6:14: spec.sources[0].name",
        "the names of sources must not begin with meso-",
        hint="Mesoscale keeps its own tables and topics under that prefix",
    ),
    Row(
        stage("{name: s, from: w, use: forward, step: 'a:b'}"),
        "7:7: spec.stages[0]",
        "a stage has exactly one of use, step, window, session, rolling, join, enrich",
        hint="use: forward for a built-in step, step: module:function for your own",
    ),
    Row(
        stage("{name: meso-s, from: w, use: forward}"),
        "7:14: spec.stages[0].name",
        "the names of stages must not begin with meso-",
        hint="Mesoscale keeps its own tables and topics under that prefix",
    ),
    Row(
        stage("{name: s, from: weather, use: forward}"),
        "7:23: spec.stages[0].from",
        '"weather" is not a source or stage (w)',
    ),
    Row(
        stage("{name: s, from: s, use: forward}"),
        "7:23: spec.stages[0].from",
        '"s" reads from itself',
        hint="let it read from a source or from another stage",
    ),
    Row(
        stage("{name: s, from: w, use: forward, contract: statoin}"),
        "7:50: spec.stages[0].contract",
        '"statoin" is not a contract (fraud-score, observation, station, transaction)',
        hint='did you mean "station"?',
    ),
    Row(
        stage("{name: w, from: w, use: forward}"),
        "7:14: spec.stages[0].name",
        '"w" is already the name of a source',
        hint="sources, stages, sinks and jobs share one set of names",
    ),
    Row(
        stage("{name: s, from: w, use: forward, scale: {max: 7}}"),
        "7:47: spec.stages[0].scale",
        '"s" would have more replicas (scale.max) than there are partitions in the topic it reads',
        hint="raise topic.partitions of the node it reads from, or lower scale.max",
    ),
    Row(
        stage("{name: s, from: w, use: forward, scale: {min: 3, max: 2}}"),
        "7:53: spec.stages[0].scale.min",
        "min is greater than max",
    ),
    Row(
        sink("{name: t, from: w}"),
        "7:7: spec.sinks[0]",
        "a sink has exactly one of table, collection, lake, webhook",
        hint="say where its records go: table: {}",
    ),
    Row(
        sink("{name: meso-positions, from: w, table: {}}"),
        "7:14: spec.sinks[0].name",
        "the names of sinks must not begin with meso-",
        hint="Mesoscale keeps its own tables and topics under that prefix",
    ),
    Row(sink("{name: t, from: v, table: {}}"), "7:23: spec.sinks[0].from", '"v" is not a source or stage (w)'),
    Row(
        sink("{name: w, from: w, table: {}}"),
        "7:14: spec.sinks[0].name",
        '"w" is already the name of a source or stage',
        hint="sources, stages, sinks and jobs share one set of names",
    ),
    Row(
        sink("{name: t, from: w, table: {}, scale: {max: 7}}"),
        "7:44: spec.sinks[0].scale",
        '"t" would have more replicas (scale.max) than there are partitions in the topic it reads',
        hint="raise topic.partitions of the node it reads from, or lower scale.max",
    ),
    Row(
        table("then: archive"),
        "7:40: spec.sinks[0].table.then",
        "then is about rows that have passed keep, which is missing",
        hint="keep: 30d",
    ),
    Row(
        table("keep: 30d"),
        "7:40: spec.sinks[0].table.keep",
        "keep needs partitionBy, because rows leave by whole table partitions",
        hint="partitionBy: {column: observed_at, every: 1d}",
    ),
    Row(
        table("partitionBy: {column: at}, keep: 720h"),
        "7:67: spec.sinks[0].table.keep",
        '"720h" is not in whole days or weeks',
        hint="30d or 8w",
    ),
    Row(
        table("partitionBy: {column: at, every: 1mo}, keep: 30d"),
        "7:79: spec.sinks[0].table.keep",
        '"30d" is less than one table partition (1d: 1d, 1mo: 31d, 1y: 366d)',
        hint="keep rows for longer, or partition by a shorter time",
    ),
    Row(
        table("partitionBy: {column: at, every: 1y}, keep: 52w"),
        "7:78: spec.sinks[0].table.keep",
        '"52w" is less than one table partition (1d: 1d, 1mo: 31d, 1y: 366d)',
        hint="keep rows for longer, or partition by a shorter time",
    ),
    Row(table("indexes: [[a], [b, a, b]]"), "7:49: spec.sinks[0].table.indexes[1]", '"b, a, b" has a column twice'),
    Row(table("indexes: [[a], [b], [a]]"), "7:43: spec.sinks[0].table.indexes", "indexes has one of them twice"),
    Row(
        sink("{name: t, from: w, collection: {keep: 59s}}"),
        "7:45: spec.sinks[0].collection.keep",
        "keep is shorter than one minute, the pace at which MongoDB removes documents",
    ),
    Row(
        source("{name: w, contract: observation, replay: {dataset: nyc-2013, file: a.ndjson}}"),
        "6:48: spec.sources[0].replay",
        "replay has exactly one of dataset, file",
        hint="a shipped data set, or a file beside the document",
    ),
    Row(
        source("{name: w, contract: observation, replay: {file: a/../../b}}"),
        "6:55: spec.sources[0].replay.file",
        "file leaves the folder of the document",
        hint="name a file beside the document, without .. and without a leading /",
    ),
    Row(
        source("{name: w, contract: observation, replay: {file: /etc/passwd}}"),
        "6:55: spec.sources[0].replay.file",
        "file leaves the folder of the document",
        hint="name a file beside the document, without .. and without a leading /",
    ),
    Row(
        source("{name: w, contract: observation, synthetic: {start: 2013-01-01}}"),
        "6:59: spec.sources[0].synthetic.start",
        "start is not an instant in UTC after 1970, such as 2024-01-01T00:00:00Z",
    ),
    Row(
        source("{name: w, contract: observation, synthetic: {start: '2013-02-31T00:00:00Z'}}"),
        "6:59: spec.sources[0].synthetic.start",
        "start is not an instant in UTC after 1970, such as 2024-01-01T00:00:00Z",
    ),
    Row(
        source("{name: w, contract: observation, openWeather: {stations: [JFK], every: 30s}}"),
        "6:78: spec.sources[0].openWeather.every",
        "every is shorter than one minute, the least between two observations",
    ),
    Row(
        source("{name: w, contract: observation, openMeteo: {stations: [JFK], every: 30s}}"),
        "6:76: spec.sources[0].openMeteo.every",
        "every is shorter than one minute, the least between two observations",
    ),
    Row(
        source("{name: w, contract: observation, paged: {url: 'http://a/', every: 10ms}}"),
        "6:73: spec.sources[0].paged.every",
        "every is shorter than one second",
    ),
    Row(
        source("{name: w, contract: observation, push: {}, topic: {retention: 59999ms}}"),
        "6:69: spec.sources[0].topic.retention",
        "retention is shorter than one minute",
    ),
    Row(
        spec(f"  sources: [{WEATHER}]\n  contracts:\n    - {{name: station, columns: [{{name: a, type: string}}]}}\n"),
        "7:14: spec.contracts[0].name",
        '"station" ships with Mesoscale in version 1',
        hint="choose another name, or a version of 2 and above to put yours in its place",
    ),
    Row(
        contract("{name: a, type: string}", "      key: [a, b]\n"),
        "11:16: spec.contracts[0].key[1]",
        '"b" cannot be part of the key: it must be a column that is neither nullable nor a float64 (a, at)',
    ),
    Row(
        contract("{name: a, type: string, nullable: true}", "      key: [a]\n"),
        "11:13: spec.contracts[0].key[0]",
        '"a" cannot be part of the key: it must be a column that is neither nullable nor a float64 (at)',
        hint='did you mean "at"?',
    ),
    Row(
        contract("{name: a, type: float64}", "      identity: [a]\n"),
        "11:18: spec.contracts[0].identity[0]",
        '"a" cannot be part of the identity: it must be a column that is neither nullable nor a float64 (at)',
        hint='did you mean "at"?',
    ),
    Row(
        contract("{name: a, type: date}", "      eventTime: a\n"),
        "11:18: spec.contracts[0].eventTime",
        '"a" cannot be the event time: it must be a timestamp column that is not nullable (at)',
        hint='did you mean "at"?',
    ),
    Row(
        contract("{name: a, type: string, min: 1}"),
        "10:40: spec.contracts[0].columns[1].min",
        "min limits numbers only",
        hint="it belongs on a column of type int64 or float64",
    ),
    Row(
        contract("{name: a, type: boolean, max: 1}"),
        "10:41: spec.contracts[0].columns[1].max",
        "max limits numbers only",
        hint="it belongs on a column of type int64 or float64",
    ),
    Row(
        contract("{name: a, type: int64, earliest: 2013-01-01}"),
        "10:44: spec.contracts[0].columns[1].earliest",
        "earliest limits timestamps and dates only",
        hint="it belongs on a column of type timestamp or date",
    ),
    Row(
        contract("{name: a, type: string, latest: 2013-01-01}"),
        "10:43: spec.contracts[0].columns[1].latest",
        "latest limits timestamps and dates only",
        hint="it belongs on a column of type timestamp or date",
    ),
    Row(
        contract("{name: a, type: int64, oneOf: [x]}"),
        "10:41: spec.contracts[0].columns[1].oneOf",
        "oneOf limits texts only",
        hint="it belongs on a column of type string",
    ),
    Row(
        contract("{name: a, type: int64, pattern: x}"),
        "10:43: spec.contracts[0].columns[1].pattern",
        "pattern limits texts only",
        hint="it belongs on a column of type string",
    ),
    Row(
        contract("{name: a, type: date, maxLength: 3}"),
        "10:44: spec.contracts[0].columns[1].maxLength",
        "maxLength limits texts only",
        hint="it belongs on a column of type string",
    ),
    Row(
        contract("{name: a, type: int64, min: 2, max: 1}"),
        "10:39: spec.contracts[0].columns[1].min",
        "min is greater than max",
    ),
    Row(
        contract("{name: a, type: date, earliest: 2014-01-01, latest: 2013-01-01}"),
        "10:43: spec.contracts[0].columns[1].earliest",
        "earliest is after latest",
    ),
    Row(
        contract("{name: a, type: timestamp, earliest: 2014-01-01}"),
        "10:48: spec.contracts[0].columns[1].earliest",
        "earliest must be a date for a date column, and an instant in UTC for a timestamp column",
    ),
    Row(
        contract("{name: a, type: date, latest: '2014-01-01T00:00:00Z'}"),
        "10:41: spec.contracts[0].columns[1].latest",
        "latest must be a date for a date column, and an instant in UTC for a timestamp column",
    ),
    Row(
        contract("{name: a, type: date, earliest: 2014-02-30}"),
        "10:43: spec.contracts[0].columns[1].earliest",
        "earliest is not a day of the calendar",
    ),
    Row(
        contract("{name: a, type: date, latest: 2014-02-30}"),
        "10:41: spec.contracts[0].columns[1].latest",
        "latest is not a day of the calendar",
    ),
    Row(
        contract("{name: a, type: string, pattern: '(a'}"),
        "10:44: spec.contracts[0].columns[1].pattern",
        "pattern is not a regular expression",
        hint="the syntax is RE2's: https://github.com/google/re2/wiki/Syntax",
    ),
    Row(
        contract("{name: xmin, type: string}"),
        "10:18: spec.contracts[0].columns[1].name",
        '"xmin" is a name that PostgreSQL or Mesoscale uses itself',
    ),
    Row(
        contract("{name: meso_x, type: string}"),
        "10:18: spec.contracts[0].columns[1].name",
        '"meso_x" is a name that PostgreSQL or Mesoscale uses itself',
    ),
    Row(
        job("{name: j}"),
        "7:7: spec.jobs[0]",
        "a job has exactly one of use, program",
        hint="use: daily-climate for a built-in job, program: jobs/mine.py for your own",
    ),
    Row(
        job("{name: j, program: ../a.py}"),
        "7:26: spec.jobs[0].program",
        "program leaves the folder of the document",
        hint="name a file beside the document, without .. and without a leading /",
    ),
    Row(
        job("{name: j, use: daily-climate, executors: {min: 3}}"),
        "7:54: spec.jobs[0].executors.min",
        "min is greater than max",
    ),
    Row(
        job("{name: meso-j, use: daily-climate}"),
        "7:14: spec.jobs[0].name",
        "the names of jobs must not begin with meso-",
        hint="Mesoscale keeps its own tables and topics under that prefix",
    ),
    Row(
        job("{name: dashboard, use: daily-climate}"),
        "7:14: spec.jobs[0].name",
        '"dashboard" is what Mesoscale calls a part of its own',
    ),
    Row(
        source("{name: topics, contract: observation, push: {}}"),
        "6:14: spec.sources[0].name",
        '"topics" is what Mesoscale calls a part of its own',
    ),
    Row(
        stage("{name: schema, from: w, use: forward}"),
        "7:14: spec.stages[0].name",
        '"schema" is what Mesoscale calls a part of its own',
    ),
    Row(
        sink("{name: database, from: w, table: {}}"),
        "7:14: spec.sinks[0].name",
        '"database" is what Mesoscale calls a part of its own',
    ),
    Row(
        spec(f"  sources: [{WEATHER}]\n  code: {{image: steps}}\n  jobs:\n    - {{name: j, program: j.py}}\n"),
        "8:26: spec.jobs[0].program",
        '"j" has a program and no image to find it in, as code is in an image of the steps',
        hint="image: registry.example.com/team/jobs:1.2, made from the image of Spark",
    ),
    Row(
        job("{name: w, use: daily-climate}"),
        "7:14: spec.jobs[0].name",
        '"w" is already the name of a source or stage or sink',
        hint="sources, stages, sinks and jobs share one set of names",
    ),
    Row(
        services("kafka: {cluster: main, bootstrapServers: 'k:9092'}"),
        "6:31: spec.services.kafka.cluster",
        "cluster names brokers that Strimzi runs here, bootstrapServers brokers of your own; one of them is too many",
    ),
    Row(
        services("kafka: {secret: login}"),
        "6:30: spec.services.kafka.secret",
        "secret says how to log in to brokers of your own, and bootstrapServers, which names them, is missing",
        hint="bootstrapServers: kafka-0.example.com:9093,kafka-1.example.com:9093",
    ),
    Row(
        services("postgresql: {secret: login, storage: 10GiB}"),
        "6:35: spec.services.postgresql.secret",
        "secret names a database of your own, and instances and storage are those of one that is made",
    ),
    Row(
        spec(f"  sources: [{WEATHER}]\n  code: {{}}\n"),
        "6:9: spec.code",
        "code has exactly one of configMap, image",
        hint="configMap: nyc-code for single files, image: registry.example.com/team/steps:1.2 for packages",
    ),
    Row(
        spec(f"  sources: [{WEATHER}]\n  checks:\n    - {{name: k, of: w, expect: volume, min: 1}}\n"),
        "7:21: spec.checks[0].of",
        '"w" is not a sink (there is none)',
    ),
    Row(
        check("expect: freshness"),
        "8:32: spec.checks[0].expect",
        "a check that expects freshness needs within",
        hint="within: 15m",
    ),
    Row(
        check("expect: completeness"),
        "8:32: spec.checks[0].expect",
        "a check that expects completeness or uniqueness needs column",
        hint="column: station",
    ),
    Row(
        check("expect: uniqueness"),
        "8:32: spec.checks[0].expect",
        "a check that expects completeness or uniqueness needs column",
        hint="column: station",
    ),
    Row(
        check("expect: volume"),
        "8:32: spec.checks[0].expect",
        "a check that expects volume needs min",
        hint="min: 1000",
    ),
    Row(
        check("expect: uniqueness, column: a, within: 1h"),
        "8:63: spec.checks[0].within",
        "within means nothing here, only to a check that expects freshness or volume",
    ),
    Row(
        check("expect: volume, min: 1, column: a"),
        "8:56: spec.checks[0].column",
        "column means nothing here, only to a check that expects completeness or uniqueness",
    ),
    Row(
        check("expect: freshness, within: 1h, min: 1"),
        "8:60: spec.checks[0].min",
        "min means nothing here, only to a check that expects volume or completeness",
    ),
    Row(
        spec(f"  sources: [{WEATHER}]\n  slo: {{freshness: 10ms}}\n"),
        "6:20: spec.slo.freshness",
        "freshness is shorter than one second",
    ),
    Row(
        stage('{name: s, from: w, step: "a:b", stepTimeout: 999ms}'),
        "7:52: spec.stages[0].stepTimeout",
        "stepTimeout is shorter than one second",
    ),
    Row(
        stage('{name: s, from: w, step: "a:b", memoryLimit: 255MiB}'),
        "7:52: spec.stages[0].memoryLimit",
        '"255MiB" is less than 256MiB, which a program holds before its first record',
    ),
    Row(
        stage('{name: s, from: w, step: "a:b", retries: {delay: 99ms}}'),
        "7:56: spec.stages[0].retries.delay",
        "delay is shorter than 100 ms",
    ),
    Row(
        stage("{name: s, from: w, use: forward, retries: {}}"),
        "7:49: spec.stages[0].retries",
        "retries are for a step of your own that remembers nothing: records that are tried again lose their order",
    ),
    Row(
        stage("{name: s, from: w, window: {by: [station], size: 0s, " + ROWS),
        "7:56: spec.stages[0].window.size",
        "size is no time at all",
    ),
    Row(
        stage("{name: s, from: w, window: {by: [station], size: 1h, every: 0m, " + ROWS),
        "7:67: spec.stages[0].window.every",
        "every is no time at all",
    ),
    Row(
        stage("{name: s, from: w, window: {by: [station], size: 1h, every: 61m, " + ROWS),
        "7:67: spec.stages[0].window.every",
        "every is longer than size, so that records between two windows would be in none",
    ),
    Row(
        stage("{name: s, from: w, window: {by: [station], size: 1h, idleAfter: 0ms, " + ROWS),
        "7:71: spec.stages[0].window.idleAfter",
        "idleAfter is no time at all",
    ),
    Row(
        stage(
            "{name: s, from: w, window: {by: [station], size: 1h, aggregates: [{name: window_end, value: count(*)}]}}"
        ),
        "7:80: spec.stages[0].window.aggregates[0].name",
        '"window_end" is a column of the result already',
        hint="give it a name of its own",
    ),
    Row(
        stage("{name: s, from: w, session: {by: [station], gap: 0s, " + ROWS),
        "7:56: spec.stages[0].session.gap",
        "gap is no time at all",
    ),
    Row(
        stage("{name: s, from: w, session: {by: [station], gap: 1h, idleAfter: 00s, " + ROWS),
        "7:71: spec.stages[0].session.idleAfter",
        "idleAfter is no time at all",
    ),
    Row(
        stage("{name: s, from: w, session: {by: [station], gap: 1h, aggregates: [{name: station, value: count(*)}]}}"),
        "7:80: spec.stages[0].session.aggregates[0].name",
        '"station" is a column of the result already',
        hint="give it a name of its own",
    ),
    Row(
        stage(
            "{name: s, from: w, rolling: {by: [b], idleAfter: 0s, features: [{name: a, value: sum(x), within: 1h}]}}"
        ),
        "7:56: spec.stages[0].rolling.idleAfter",
        "idleAfter is no time at all",
    ),
    Row(
        stage("{name: s, from: w, rolling: {by: [station], features: [{name: station, value: count(*), within: 1h}]}}"),
        "7:69: spec.stages[0].rolling.features[0].name",
        '"station" is a column of the result already',
        hint="give it a name of its own",
    ),
    Row(
        stage("{name: s, from: w, rolling: {by: [station], features: [{name: rows, value: count(*), within: 0h}]}}"),
        "7:100: spec.stages[0].rolling.features[0].within",
        "within is no time at all",
    ),
    Row(
        stage("{name: s, from: w, join: {with: s, before: 1h, after: 1h, idleAfter: 0s}}"),
        "7:76: spec.stages[0].join.idleAfter",
        "idleAfter is no time at all",
    ),
    Row(
        stage("{name: s, from: w, join: {with: w, before: 1h, after: 1h}}"),
        "7:39: spec.stages[0].join.with",
        "a stage cannot join a topic with itself",
    ),
    Row(
        stage("{name: s, from: w, enrich: {with: w}}"),
        "7:41: spec.stages[0].enrich.with",
        "a stage cannot enrich a topic with itself",
    ),
    Row(
        stage("{name: s, from: w, join: {with: v, before: 1h, after: 1h}}"),
        "7:39: spec.stages[0].join.with",
        '"v" is not a source or stage (w)',
    ),
    Row(
        stage("{name: s, from: w, enrich: {with: v}}"),
        "7:41: spec.stages[0].enrich.with",
        '"v" is not a source or stage (w)',
    ),
    Row(
        stage("{name: s, from: w, use: forward, state: {maxKeys: 5}}"),
        "7:47: spec.stages[0].state",
        "state means nothing here: this built-in step remembers nothing",
    ),
    Row(
        stage("{name: s, from: w, step: 'a:b', state: {key: [station]}}"),
        "7:46: spec.stages[0].state",
        "state has key and columns for a step of your own, and for nothing else",
        hint="step: steps:count_them, state: {key: [account], columns: [{name: seen, type: int64}]}",
    ),
    Row(
        stage("{name: s, from: w, step: 'a:b', state: {key: [rows], columns: [{name: rows, type: int64}]}}"),
        "7:69: spec.stages[0].state.columns",
        "state has a column of its key among its columns, too",
    ),
]


@pytest.mark.parametrize("row", BROKEN, ids=lambda row: f"{row.place}: {row.message}")
def test_a_broken_rule_is_told_at_its_place(row: Row) -> None:
    assert _told(row.text) == [row.told()]


STANDING_ALONE = [
    (section, index) for section, rules in RULES.items() for index, rule in enumerate(rules) if not rule.of_changes
]


@pytest.mark.parametrize(("section", "index"), STANDING_ALONE)
def test_without_the_rule_a_document_of_the_table_is_taken_or_told_something_else(
    section: str, index: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = RULES[section]
    monkeypatch.setattr(asking, "RULES", {**RULES, section: rules[:index] + rules[index + 1 :]})
    assert any(_told(row.text) != [row.told()] for row in BROKEN)


def _told(text: str) -> list[str]:
    try:
        document.parse(text, "p.yaml")
    except DocumentRefused as refused:
        return [str(problem) for problem in refused.problems]
    return []


@pytest.mark.parametrize("row", BROKEN, ids=lambda row: f"{row.place}: {row.message}")
def test_the_rules_in_the_custom_resource_definition_refuse_the_same(row: Row) -> None:
    value, findings = shape.check(reading.read(row.text, "p.yaml"), schema.pipeline())
    assert findings == []
    published = crd.custom_resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert len(list(_refused_by(published, value))) == 1


def _refused_by(node: dict[str, Any], value: Any) -> Iterator[str]:
    """The messages of the validations that fail, evaluated as the API server composes them."""
    for validation in node.get("x-kubernetes-validations", ()):
        if "oldSelf" not in validation["rule"] and asking.evaluate(validation["rule"], {"self": value}) is not True:
            yield validation["message"]
    for name, field in node.get("properties", {}).items():
        if name in value:
            yield from _refused_by(field, value[name])
    if node["type"] == "array":
        for item in value:
            yield from _refused_by(node["items"], item)


STAYS = "let a pipeline of another name fill the new one, and remove this one when it has caught up"
GROW = "partitions only grow, because fewer would put records of one key into two orders"
CUT = "partitionBy of a table that exists cannot change"
ANEW = "add a sink of another name with the new partitionBy, let it catch up, and remove the old one"
CHANGED = [
    (
        source("{name: w, contract: observation, push: {}, topic: {partitions: 8}}"),
        Row(
            source("{name: w, contract: observation, push: {}, topic: {partitions: 7}}"),
            "6:70: spec.sources[0].topic.partitions",
            GROW,
            "to have fewer, read from a new source or stage under another name",
        ),
    ),
    (
        table("partitionBy: {column: at, every: 1d}"),
        Row(
            table("partitionBy: {column: at, every: 1mo}"),
            "7:47: spec.sinks[0].table.partitionBy",
            CUT,
            ANEW,
        ),
    ),
    (
        table("partitionBy: {column: at, every: 1d}"),
        Row(table(""), "7:33: spec.sinks[0].table.partitionBy", CUT, ANEW),
    ),
    (
        contract("{name: a, type: string}", "      key: [a]\n"),
        Row(
            contract("{name: a, type: string}", "      key: [at]\n"),
            "11:12: spec.contracts[0].key",
            "the key of a contract stays, because it says which partition a record goes to",
            "raise the version of the contract together with its key",
        ),
    ),
    (
        services("kafka: {cluster: main}"),
        Row(
            services("kafka: {cluster: other}"),
            "6:31: spec.services.kafka.cluster",
            "the Kafka cluster of a pipeline stays, because its records and positions lie there",
            STAYS,
        ),
    ),
    (
        services("kafka: {bootstrapServers: 'k:9092'}"),
        Row(
            services("kafka: {}"),
            "6:21: spec.services.kafka.bootstrapServers",
            "a pipeline cannot move between brokers of your own and those of the installation",
            STAYS,
        ),
    ),
    (
        services("postgresql: {instances: 1}"),
        Row(
            services("postgresql: {secret: login}"),
            "6:35: spec.services.postgresql.secret",
            "the database of a pipeline stays, because its rows and positions lie there",
            STAYS,
        ),
    ),
    (
        services("postgresql: {storage: 1TiB}"),
        Row(
            services("postgresql: {storage: 999GiB}"),
            "6:36: spec.services.postgresql.storage",
            "storage only grows",
        ),
    ),
    (
        contract("{name: a, type: string}", "      version: 3\n"),
        Row(
            contract("{name: a, type: string}", "      version: 2\n"),
            "11:16: spec.contracts[0].version",
            "the version of a contract never goes back",
        ),
    ),
]


@pytest.mark.parametrize(("old", "new"), CHANGED)
def test_a_forbidden_change_is_told_at_its_place(old: str, new: Row) -> None:
    before, after = document.parse(old, "p.yaml"), document.parse(new.text, "p.yaml")
    assert [str(problem) for problem in document.forbidden_changes(before.pipeline, after)] == [new.told()]
    assert document.forbidden_changes(after.pipeline, after) == ()


def test_every_rule_about_changes_has_a_row() -> None:
    messages = {rule.message for rules in RULES.values() for rule in rules if rule.of_changes}
    assert messages == {new.message for _, new in CHANGED}


ALLOWED_CHANGES = [
    (
        source("{name: w, contract: observation, push: {}, topic: {partitions: 7}}"),
        source("{name: w, contract: observation, push: {}, topic: {partitions: 8}}"),
    ),
    (
        source("{name: w, contract: observation, push: {}, topic: {partitions: 8}}"),
        source("{name: v, contract: observation, push: {}, topic: {partitions: 7}}"),
    ),
    (
        contract("{name: a, type: string}", "      key: [a]\n"),
        contract("{name: a, type: string}", "      key: [at]\n      version: 2\n"),
    ),
]


@pytest.mark.parametrize(("old", "new"), ALLOWED_CHANGES)
def test_growth_new_names_and_new_versions_are_allowed(old: str, new: str) -> None:
    assert document.forbidden_changes(document.parse(old, "p").pipeline, document.parse(new, "p")) == ()


def test_a_rule_is_not_asked_where_what_it_reads_is_wrong_already() -> None:
    text = stage("{name: s, from: v, use: forward, scale: {min: 9, max: two}}")
    assert [told.split(": ")[1] for told in _told(text)] == ["spec.stages[0].from", "spec.stages[0].scale.max"]
