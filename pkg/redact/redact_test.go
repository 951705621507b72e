// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spark-operator/spark-operator/internal/cputime"
)

// hidden are texts with a secret, and what is left of them.
var hidden = []struct{ text, want string }{
	// Assignments.
	{"--conf spark.hadoop.fs.s3a.secret.key=wJalrXUtn/K7 --class Pi", "--conf spark.hadoop.fs.s3a.secret.key=[redacted] --class Pi"},
	{"AWS_SECRET_ACCESS_KEY=wJalr AWS_REGION=eu", "AWS_SECRET_ACCESS_KEY=[redacted] AWS_REGION=eu"},
	{`{"password": "hunter2", "user": "jane"}`, `{"password": "[redacted]", "user": "jane"}`},
	{`{"password" : "a \"b\" c" , "user" : "jane"}`, `{"password" : "[redacted]" , "user" : "jane"}`},
	{`{\"password\":\"hun ter\",\"user\":\"jane\"}`, `{\"password\":\"[redacted]\",\"user\":\"jane\"}`},
	{"jdbc:postgresql://db:5432/x?user=jane&password=hunter2&ssl=on", "jdbc:postgresql://db:5432/x?user=jane&password=[redacted]&ssl=on"},
	{"jdbc:sqlserver://db:1433;user=jane;password=p;w,1;encrypt=true", "jdbc:sqlserver://db:1433;user=jane;password=[redacted];encrypt=true"},
	{"fs.azure.account.key.x.blob.core.windows.net: abc==", "fs.azure.account.key.x.blob.core.windows.net: [redacted]"},
	{"db_pwd = 'x y'", "db_pwd = '[redacted]'"},
	{`password="two words" user=jane`, `password="[redacted]" user=jane`},
	{`password="never closed and long`, `password="[redacted]`},
	{"PGPASSWORD=hunter2 psql -h db", "PGPASSWORD=[redacted] psql -h db"},
	{"javaOptions: -Xmx1g -Dpassword=hunter2 -Dx=y", "javaOptions: -Xmx1g -Dpassword=[redacted] -Dx=y"},
	{"-Djavax.net.ssl.trustStorePassword=changeit", "-Djavax.net.ssl.trustStorePassword=[redacted]"},
	{"{user=jane, password=hunter2, url=x}", "{user=jane, password=[redacted], url=x}"},
	{"Map(password -> hunter2, user -> jane)", "Map(password -> [redacted], user -> jane)"},
	{"  (spark.hadoop.fs.s3a.secret.key,abc/def)", "  (spark.hadoop.fs.s3a.secret.key,[redacted])"},
	{"<property><name>fs.s3a.secret.key</name><value>abc</value></property>", "<property><name>fs.s3a.secret.key</name><value>[redacted]</value></property>"},
	{"<password>hunter2</password>", "<password>[redacted]</password>"},
	{`{"name":"DB_PASSWORD","value":"hunter2"}`, `{"name":"DB_PASSWORD","value":"[redacted]"}`},
	{"- name: DB_PASSWORD\n  value: hunter2\n- name: X", "- name: DB_PASSWORD\n  value: [redacted]\n- name: X"},
	{"{Name:API_TOKEN Value:abc ValueFrom:nil}", "{Name:API_TOKEN Value:[redacted] ValueFrom:nil}"},
	{"clientSecret: abc~def", "clientSecret: [redacted]"},
	{"Password: hunter2", "Password: [redacted]"},
	{"conf['fs.s3a.secret.key'] = 'abc'", "conf['fs.s3a.secret.key'] = '[redacted]'"},
	{"ALTER USER jane PASSWORD 'hun ter'", "ALTER USER jane PASSWORD '[redacted]'"},
	{`CREATE LOGIN jane WITH PASSWORD = N'x', CHECK_POLICY=OFF`, `CREATE LOGIN jane WITH PASSWORD = N'[redacted]', CHECK_POLICY=OFF`},
	{"DefaultEndpointsProtocol=https;AccountName=x;AccountKey=abc/d+e==;EndpointSuffix=core.windows.net", "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=[redacted];EndpointSuffix=core.windows.net"},
	{"Endpoint=sb://x/;SharedAccessKeyName=root;SharedAccessKey=abc=", "Endpoint=sb://x/;SharedAccessKeyName=root;SharedAccessKey=[redacted]"},
	{`"auths":{"ghcr.io":{"auth":"dXNlcjpwdw=="}}`, `"auths":{"ghcr.io":{"auth":"[redacted]"}}`},
	{"//registry.npmjs.org/:_authToken=abc", "//registry.npmjs.org/:_authToken=[redacted]"},
	{"api_key=abc&q=1", "api_key=[redacted]&q=1"},
	{"spark.authenticate.secret=abc", "spark.authenticate.secret=[redacted]"},
	{"spark.ssl.keyStorePassword    hunter2 ", "spark.ssl.keyStorePassword    hunter2 "}, // a table, which Spark redacts itself

	// Arguments.
	{"spark-submit --password hunter2 app.jar", "spark-submit --password [redacted] app.jar"},
	{"--password=hunter2 app.jar", "--password=[redacted] app.jar"},
	{"[--user, jane, --password, hunter2, --db, x]", "[--user, jane, --password, [redacted], --db, x]"},
	{`["--api-token","abc","--db"]`, `["--api-token","[redacted]","--db"]`},
	{`sh -c "run --client-secret 'a b'"`, `sh -c "run --client-secret '[redacted]'"`},

	// JAAS.
	{`PlainLoginModule required username="jane" password="hun ter";`, `PlainLoginModule required username="jane" password="[redacted]";`},
	{`"sasl.jaas.config": "ScramLoginModule required username=\"jane\" password=\"hun ter\";"`, `"sasl.jaas.config": "ScramLoginModule required username=\"jane\" password=\"[redacted]\";"`},

	// Headers.
	{"Authorization: Bearer abc.def", "Authorization: Bearer [redacted]"},
	{`curl -H "Authorization: Basic dXNlcjpwdw==" https://host/x`, `curl -H "Authorization: Basic [redacted]" https://host/x`},
	{`Authorization: Digest username="jane", response="abc"`, `Authorization: [redacted]`},
	{"Proxy-Authorization: Negotiate YII", "Proxy-Authorization: Negotiate [redacted]"},
	{"Cookie: a=b; JSESSIONID=c", "Cookie: [redacted]"},
	{`curl -H 'Cookie: a=b; c=d' https://host`, `curl -H 'Cookie: [redacted]' https://host`},
	{"Set-Cookie: id=abc; Path=/; HttpOnly", "Set-Cookie: [redacted]"},
	{"X-Api-Key: abc", "X-Api-Key: [redacted]"},
	{"X-Vault-Token: abc", "X-Vault-Token: [redacted]"},

	// URLs.
	{"mysql://jane:hunter2@db/x", "mysql://jane:[redacted]@db/x"},
	{"https://jane:p@ss@db:80/x?y=z", "https://jane:[redacted]@db:80/x?y=z"},
	{"https://jane:pa/ss@db:80/x?y=a@b", "https://jane:[redacted]@b"},
	{"redis://:hunter2@cache:6379/0", "redis://:[redacted]@cache:6379/0"},
	{"https://x.blob.core.windows.net/c/b?sv=2022&sig=abc%2Fdef%3D&se=2026", "https://x.blob.core.windows.net/c/b?sv=2022&sig=[redacted]&se=2026"},
	{"https://b.s3.amazonaws.com/k?X-Amz-Credential=x%2F2026&X-Amz-Signature=0123abc", "https://b.s3.amazonaws.com/k?X-Amz-Credential=[redacted]&X-Amz-Signature=[redacted]"},
	{"https://host/cb?access_token=abc#x", "https://host/cb?access_token=[redacted]"},
	{"jdbc:oracle:thin:scott/tiger@//db:1521/orcl", "jdbc:oracle:thin:scott/[redacted]@//db:1521/orcl"},
	{"sqlplus scott/tiger@orcl", "sqlplus scott/[redacted]@orcl"},
	{"jdbc:oracle:thin:scott/tiger@10.0.0.1:1521:X", "jdbc:oracle:thin:scott/[redacted]@10.0.0.1:1521:X"},
	{"sqlplus scott/tiger@ORCL", "sqlplus scott/[redacted]@ORCL"},

	// Tokens. Written in two parts, so that no scanner takes them for real ones.
	{"access key AKIA" + "IOSFODNN7EXAMPLE is not known", "access key [redacted] is not known"},
	{"remote: ghp" + "_0123456789abcdefghij0123456789abcdef denied", "remote: [redacted] denied"},
	{"github" + "_pat_0123456789abcdefghij_0123456789", "[redacted]"},
	{"slack xoxb" + "-0123456789-abcdef sent", "slack [redacted] sent"},
	{"https://hooks.slack.com/services/" + "T000/B000/abcdefghijkl", "https://hooks.slack.com/services/[redacted]"},
	{"at AIza" + "SyA0123456789abcdefghij0123456789ab", "at [redacted]"},
	{"glpat" + "-0123456789abcdefghij", "[redacted]"},
	{"openai sk-" + "proj-0123456789abcdefghij failed", "openai [redacted] failed"},
	{"dapi" + "0123456789abcdef0123456789abcdef", "[redacted]"},
	{"got eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_-d back", "got [redacted] back"},
	{"hf" + "_0123456789abcdefghij0123456789abcd", "[redacted]"},
	{"hvs" + ".0123456789abcdefghij0123", "[redacted]"},

	// Blocks.
	{"-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----\nnext", "-----BEGIN RSA PRIVATE KEY-----[redacted]\nnext"},
	{`{"k": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\n-----END PRIVATE KEY-----\n"}`, `{"k": "-----BEGIN PRIVATE KEY-----[redacted]\n"}`},
	{"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG\nMIIEvQIBADANBgkqhkiG\n", "-----BEGIN PRIVATE KEY-----[redacted]"},
	{"MIIEvQIBADANBgkq\nabc=\n-----END PRIVATE KEY-----\nnext", "[redacted]\nnext"},
}

// kept are everyday texts that have to stay as they are.
var kept = strings.Split(strings.TrimSpace(`
24/01/01 12:00:00 INFO SparkContext: Running Spark version 4.0.4
24/01/01 12:00:00 INFO SecurityManager: Changing view acls to: spark,jane
24/01/01 12:00:00 INFO SecurityManager: SecurityManager: authentication disabled; ui acls disabled; users with view permissions: spark; groups with view permissions: EMPTY
24/01/01 12:00:00 INFO Utils: Successfully started service 'sparkDriver' on port 7078.
24/01/01 12:00:00 WARN NativeCodeLoader: Unable to load native-hadoop library for your platform... using builtin-java classes where applicable
24/01/01 12:00:00 INFO SparkUI: Bound SparkUI to 0.0.0.0, and started at http://pi-driver-svc.jobs.svc:4040
24/01/01 12:00:00 INFO TaskSetManager: Starting task 0.0 in stage 0.0 (TID 0) (10.0.0.7, executor 1, partition 0, PROCESS_LOCAL, 9008 bytes)
24/01/01 12:00:00 INFO AbstractDelegationTokenSecretManager: Updating the current master key for generating delegation tokens
24/01/01 12:00:00 INFO HadoopDelegationTokenManager: Attempting to login to KDC using principal: spark/host.example.com@EXAMPLE.COM
24/01/01 12:00:00 DEBUG HadoopDelegationTokenManager: Service hadoopfs does not require a token. Check your configuration to see if security is disabled or not.
24/01/01 12:00:00 INFO HadoopFSDelegationTokenProvider: Renewal interval is 86400051 for token HDFS_DELEGATION_TOKEN
24/01/01 12:00:00 INFO StandaloneSchedulerBackend: SchedulerBackend is ready for scheduling beginning after reached minRegisteredResourcesRatio: 0.8
24/01/01 12:00:00 INFO MemoryStore: Block broadcast_0 stored as values in memory (estimated size 4.0 KiB, free 413.9 MiB)
24/01/01 12:00:00 INFO ContextHandler: Started o.s.j.s.ServletContextHandler@3f1d5b{/jobs,null,AVAILABLE,@Spark}
24/01/01 12:00:00 ERROR TaskSetManager: Task 0 in stage 0.0 failed 4 times; aborting job
24/01/01 12:00:00 INFO CodeGenerator: Code generated in 145.2 ms
24/01/01 12:00:00 INFO DAGScheduler: Registering RDD 3 (reduceByKey at Pi.scala:38) as input to shuffle 0
24/01/01 12:00:00 INFO ShuffleBlockFetcherIterator: key ordering defined: false, keys=5, tokens=17, numTokens: 5
24/01/01 12:00:00 INFO Tokenizer: tokenized 5 documents, max_tokens=4096
Exception in thread "main" java.lang.ClassNotFoundException: Pi
AuthorizationException: User jane is not allowed
at org.apache.hadoop.security.token.SecretManager.get(SecretManager.java:55)
at org.apache.spark.deploy.security.HadoopFSDelegationTokenProvider.$anonfun$obtainDelegationTokens$1(HadoopFSDelegationTokenProvider.scala:85)
org.apache.hadoop.security.token.SecretManager$InvalidToken: token (owner=jane) can't be found in cache
com.amazonaws.services.s3.model.AmazonS3Exception: The AWS Access Key Id you provided does not exist in our records. (Service: Amazon S3; Status Code: 403; Error Code: InvalidAccessKeyId; Request ID: ABC; S3 Extended Request ID: x/y=)
java.nio.file.AccessDeniedException: s3a://bucket/x: org.apache.hadoop.fs.s3a.auth.NoAuthWithAWSException: No AWS Credentials provided by TemporaryAWSCredentialsProvider : com.amazonaws.SdkClientException: Unable to load credentials
com.fasterxml.jackson.core.JsonParseException: Unrecognized token 'abc': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')
org.apache.spark.sql.catalyst.parser.ParseException: [PARSE_SYNTAX_ERROR] Syntax error at or near 'token': extra input 'x'.(line 1, pos 7)
Unexpected token: ) at line 5
MountVolume.SetUp failed for volume "db-secret" : secret "db-secret" not found
couldn't find key password in Secret jobs/db-credentials
Error: secret "db-password" not found
pods "pi-driver" is forbidden: error looking up service account jobs/spark-token: serviceaccount "spark-token" not found
secrets "db-token" is forbidden: User "system:serviceaccount:jobs:spark" cannot get resource "secrets" in API group "" in the namespace "jobs"
open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file or directory
Failed to pull image "docker.io/apache/spark@sha256:0123abcd": not found
failed to pull and unpack image "ghcr.io/x/spark:4.0.4": failed to authorize: failed to fetch anonymous token: unexpected status: 403 Forbidden
spark://CoarseGrainedScheduler@pi-driver-svc.jobs.svc:7078
Connecting to jane@db.example.com:22
abfss://container@account.dfs.core.windows.net/x/y
http://host:8080/users/x@example.com
git@github.com:x/y.git
spark.kubernetes.kerberos.tokenSecret.itemKey, spark.network.crypto.keyLength=128, spark.ssl.keyStore=/x.jks
spark.kubernetes.authenticate.driver.serviceAccountName=spark
spark.redaction.regex=(?i)secret|password|token|access[.]?key
spark.hadoop.fs.s3a.aws.credentials.provider=org.apache.hadoop.fs.s3a.TemporaryAWSCredentialsProvider
spark.authenticate=true spark.authenticate.secret=*********(redacted)
password=${env:DB_PASSWORD} token=$(API_TOKEN)
--token-file /etc/token --keytab /etc/spark.keytab --principal spark@EXAMPLE.COM
password=null, token: null
pass: 3, fail: 1, compass=north, bypass=on, signal=9, design=x, monkey=2, keyboard: us, sasl=on
Lambda$14/0x00007f@7f31245a and org/x@1.2.3
ExitCode: 137, Reason: OOMKilled; the container used more memory than its limit
`), "\n")

func TestSecretsAreHidden(t *testing.T) {
	for _, test := range hidden {
		got := Secrets(test.text)
		if got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.text, got, test.want)
		}
		if again := Secrets(got); again != got {
			t.Errorf("%s\nagain %s", got, again)
		}
	}
}

func TestTextsWithoutSecretsAreUnchanged(t *testing.T) {
	for _, text := range kept {
		if got := Secrets(text); got != text {
			t.Errorf("%s\n got %s", text, got)
		}
	}
	if all := strings.Join(kept, "\n"); Secrets(all) != all {
		t.Error("together they do not stay")
	}
	if len(hidden)+len(kept) < 100 {
		t.Errorf("only %d lines", len(hidden)+len(kept))
	}
}

func TestPattern(t *testing.T) {
	for text, want := range map[string]string{
		"user=jane age=5": "user=[redacted] age=5",
		"x":               "x",
		"card 1234":       "[redacted]",
	} {
		if got := Pattern(regexp.MustCompile(`(user=)\S+|card \d+`))(text); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// TestLinear: whatever is in a text, what is done with it grows with its length
// alone. Were it the square, the bound would be missed by far.
func TestLinear(t *testing.T) {
	for _, part := range []string{
		"password", "password=", "a.", "password='", `\"`, "://a:", "://a:b@", "a/b@c ", "eyJ", "sk-", "-----BEGIN A-----", "-----END A-----", "A\n",
		"Authorization: ", "token,a", "=a,b", "--password ", "key ", "<", "secret\"", "Cookie: 'a'", "[redacted]", "password=a,a", ":a@/",
	} {
		text := strings.Repeat(part, (128<<10)/len(part))
		var got string
		if cost := cputime.Of(func() { got = Secrets(text) }); cost.CPU > 10*time.Second {
			t.Errorf("%q: %v", part, cost.CPU)
		}
		if len(got) > len(text)*(1+len(Mark)) {
			t.Errorf("%q: %d bytes become %d", part, len(text), len(got))
		}
	}
}

func FuzzSecrets(f *testing.F) {
	for _, test := range hidden {
		f.Add(test.text)
	}
	for _, text := range kept {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := Secrets(text)
		if len(got) > len(text)*(1+len(Mark)) {
			t.Errorf("%d bytes become %d", len(text), len(got))
		}
		if again := Secrets(got); len(again) > len(got)+len(got)*len(Mark) {
			t.Errorf("%q becomes %q", got, again)
		}
	})
}
