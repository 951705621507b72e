// SPDX-License-Identifier: Apache-2.0

// Package sparkconf is the vocabulary of Spark's configuration: property keys,
// the version of Spark that gives them their meaning, and the reading and
// writing of their values exactly as Spark does it.
//
// A [Conf] reads properties the way org.apache.spark.SparkConf does. Typed reads
// ([Conf.Int], [Conf.MiB], [Conf.List] …) honour deprecated keys and fallback
// entries, resolve ${…} references and report what cannot be parsed with the
// text that this version of Spark would print. Raw reads ([Conf.Raw],
// [Conf.WithPrefix]) return the text as it was given; every key that belongs to
// a family such as spark.kubernetes.driver.label.* is read raw.
//
// [AppendProperties] and [ParseProperties] write and read the format of
// java.util.Properties; [FormatDouble] prints a number as Java does.
//
// The package is a leaf: it knows no Kubernetes object, does no input or output
// and keeps no state.
package sparkconf
