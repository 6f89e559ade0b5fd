"""The one step of deduplication that needs all documents, on Apache Spark (docs/deduplication.md).

    spark-submit deploy/spark/dedup.py --signatures signatures/ --out removals/ --gopher /usr/bin/gopher

Reads what `gopher data dedup signatures` wrote, and writes the removals that `gopher data dedup apply` reads. Both folders and the
program must be at the same paths on all machines. Candidates are verified by `gopher data dedup verify`, so that a similarity
is computed in one place only. Every round is written to --out, so that a lost worker costs its own work and no more.
"""

import argparse
import hashlib
import json
import pathlib
import shlex
import shutil

from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F

SHARD = 32  # bits of a document's number that are its place in the shard


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--signatures", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for the removals: a new one")
    parser.add_argument("--gopher", default="gopher", help="the program, as workers find it")
    parser.add_argument("--partitions", type=int, default=0, help="of shuffles; 0 leaves it to Spark")
    arguments = parser.parse_args()
    signatures, out = arguments.signatures.resolve(), arguments.out.resolve()
    receipt = signatures / "receipt.json"
    if not receipt.is_file():
        parser.error(f"{signatures} has no receipt.json: `gopher data dedup signatures` has not finished, or a part is missing")
    if not list(signatures.glob("*.keys.parquet")):
        parser.error(f"{signatures} has no *.keys.parquet: write signatures with --parquet")
    if (out / "pairs.json").exists():
        print(f"{out}: complete already; nothing was done")
        return
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    spark = SparkSession.builder.appName("gopher data dedup").getOrCreate()
    if arguments.partitions:
        spark.conf.set("spark.sql.shuffle.partitions", arguments.partitions)
    job = Job(spark, signatures, out, arguments.gopher)
    counts = job.run()
    counts["signatures"] = hashlib.sha256(receipt.read_bytes()).hexdigest()
    shutil.rmtree(job.work)
    unfinished = out / ".pairs.json"
    unfinished.write_text(json.dumps(counts) + "\n")
    unfinished.rename(out / "pairs.json")
    print(json.dumps(counts))
    spark.stop()


class Job:
    def __init__(self, spark, signatures, out, gopher):
        self.spark, self.signatures, self.out, self.work = spark, signatures, out, out / ".work"
        self.command = shlex.join([gopher, "data", "dedup", "verify", "--signatures", str(signatures), "--threads", "1"])
        self.rounds = 0

    def read(self, kind):
        return self.spark.read.parquet(*map(str, sorted(self.signatures.glob(f"*.{kind}.parquet"))))

    def settled(self, table):
        """The table, computed once and stored where it outlives the worker that computed it."""
        self.rounds += 1
        place = str(self.work / str(self.rounds))
        table.write.parquet(place)
        return self.spark.read.parquet(place)

    def verified(self, pairs):
        """Of pairs (a, b), those that are similar, and how similar."""
        lines = pairs.repartition("a").sortWithinPartitions("a", "b").rdd.map(lambda pair: f"{pair.a} {pair.b}")
        similar = lines.pipe(self.command, checkCode=True).map(lambda line: line.split(" "))
        rows = similar.map(lambda fields: (int(fields[0]), int(fields[1]), float(fields[2])))
        return self.settled(self.spark.createDataFrame(rows, "a long, b long, jaccard double"))

    def run(self):
        documents = self.read("documents")
        order = ["priority_0", "priority_1", "document"]
        rank = F.struct(*order)
        # Documents of the same n-grams: the first of them stands for all.
        first = Window.partitionBy("set_hash").orderBy(*order)
        alike = documents.withColumn("a", F.first("document").over(first)).where("a != document")
        equal = self.verified(alike.select("a", F.col("document").alias("b"))).where("jaccard = 1")
        represented = equal.select(F.col("b").alias("document"))
        # Of the others: who shares a band with whom.
        keys = self.read("keys").join(represented, "document", "left_anti")
        left, right = keys.withColumnRenamed("document", "a"), keys.withColumnRenamed("document", "b")
        candidates = left.join(right, ["band", "key"]).where("a < b").select("a", "b").distinct()
        candidates = self.settled(candidates)
        similar = self.verified(candidates)
        counts = {"pairs": {"candidates": candidates.count(), "verified": similar.count()}}
        # Each pair with the one first that stays if both could.
        ranks = documents.select("document", rank.alias("rank"))
        ranked = similar.join(ranks.select(F.col("document").alias("a"), F.col("rank").alias("rank_a")), "a")
        ranked = ranked.join(ranks.select(F.col("document").alias("b"), F.col("rank").alias("rank_b")), "b")
        is_first = F.col("rank_a") < F.col("rank_b")
        pairs = self.settled(
            ranked.select(
                F.when(is_first, F.col("a")).otherwise(F.col("b")).alias("stays"),
                F.when(is_first, F.col("b")).otherwise(F.col("a")).alias("document"),
                F.when(is_first, F.col("rank_a")).otherwise(F.col("rank_b")).alias("rank"),
                "jaccard",
            )
        )
        gone = self.resolve(pairs)
        # Of those that stay and are similar to one that goes, the first.
        to_one = pairs.join(gone, "document").join(gone.withColumnRenamed("document", "stays"), "stays", "left_anti")
        to_first = to_one.groupBy("document").agg(F.min_by(F.struct("stays", "jaccard"), "rank").alias("to"))
        removed = self.settled(to_first.select("document", "to.stays", "to.jaccard", F.lit(1).alias("rule")))
        # Who has the set of one that goes, goes with it; who has the set of one that stays, goes because of it.
        over = removed.select(F.col("document").alias("a"), F.col("stays").alias("over"), F.col("jaccard").alias("by"))
        same = equal.select("a", F.col("b").alias("document")).join(over, "a", "left").select(
            "document",
            F.coalesce("over", "a").alias("stays"),
            F.coalesce("by", F.lit(1.0)).alias("jaccard"),
            F.when(F.col("over").isNull(), 0).otherwise(1).alias("rule"),
        )
        all_removed = self.settled(removed.unionByName(same)).withColumn("shard", F.shiftrightunsigned("document", SHARD))
        sizes = all_removed.groupBy("stays").count().groupBy((F.col("count") + 1).alias("size")).count().collect()
        counts["clusters"] = {str(row["size"]): row["count"] for row in sorted(sizes)}
        all_removed.repartition("shard").write.mode("append").partitionBy("shard").csv(str(self.out))
        return counts

    def resolve(self, pairs):
        """The documents that go: in rounds, those that are similar to one that is sure to stay."""
        gone, open_pairs = [], pairs.select("stays", "document")
        while not open_pairs.isEmpty():
            later = open_pairs.select(F.col("document").alias("stays")).distinct()
            sure = open_pairs.join(later, "stays", "left_anti")
            gone.append(self.settled(sure.select("document").distinct()))
            now = gone[-1]
            open_pairs = open_pairs.join(now, "document", "left_anti")
            open_pairs = self.settled(open_pairs.join(now.withColumnRenamed("document", "stays"), "stays", "left_anti"))
        everything = pairs.select("document").limit(0)
        for table in gone:
            everything = everything.unionByName(table)
        return everything


if __name__ == "__main__":
    main()
