module github.com/spark-operator/spark-operator/hack/localcluster/components/pause

go 1.26.0
