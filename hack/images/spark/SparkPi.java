// SPDX-License-Identifier: Apache-2.0

package org.apache.spark.examples;

import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;

/**
 * Estimates pi by throwing darts at a square, under the name and with the first argument that Spark's own example has.
 *
 * <p>Arguments, all optional:
 *
 * <ol>
 *   <li>slices: how many tasks share the work; 2 unless given
 *   <li>seconds: how long each task sleeps before it starts, to keep an application running; 0 unless given
 *   <li>code: the exit code of the driver once the result is there, to make an application fail; 0 unless given
 * </ol>
 */
public final class SparkPi {
  private static final int DARTS_PER_SLICE = 100_000;

  private SparkPi() {}

  public static void main(String[] args) throws Exception {
    int slices = args.length > 0 ? Math.max(1, Integer.parseInt(args[0])) : 2;
    double seconds = args.length > 1 ? Double.parseDouble(args[1]) : 0;
    int code = args.length > 2 ? Integer.parseInt(args[2]) : 0;

    SparkConf conf = new SparkConf().setIfMissing("spark.app.name", "Spark Pi");
    try (JavaSparkContext context = new JavaSparkContext(conf)) {
      List<Integer> seeds = IntStream.range(0, slices).boxed().collect(Collectors.toList());
      long hits =
          context
              .parallelize(seeds, slices)
              .map(
                  seed -> {
                    TimeUnit.MILLISECONDS.sleep(Math.round(seconds * 1000));
                    return hits(new SplittableRandom(seed));
                  })
              .reduce(Long::sum);
      System.out.println("Pi is roughly " + 4.0 * hits / ((double) DARTS_PER_SLICE * slices));
    }
    if (code != 0) {
      System.exit(code);
    }
  }

  /** Counts the darts of one slice that hit the circle inside the square. */
  private static long hits(SplittableRandom random) {
    long hits = 0;
    for (int dart = 0; dart < DARTS_PER_SLICE; dart++) {
      double x = random.nextDouble() * 2 - 1;
      double y = random.nextDouble() * 2 - 1;
      if (x * x + y * y <= 1) {
        hits++;
      }
    }
    return hits;
  }
}
