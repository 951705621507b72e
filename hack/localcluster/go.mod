module github.com/spark-operator/spark-operator/hack/localcluster

go 1.26.0
