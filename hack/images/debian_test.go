// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAptSources(t *testing.T) {
	const bookworm = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\n"
	const uris = `'http://mirror.example/debian/dists/bookworm/InRelease' mirror.example_debian_dists_bookworm_InRelease 0 
'http://mirror.example/debian/dists/bookworm-updates/InRelease' mirror.example_debian_dists_bookworm-updates_InRelease 0 
'http://mirror.example/security/dists/bookworm-security/InRelease' mirror.example_security_dists_bookworm-security_InRelease 0 
'http://mirror.example/debian/dists/bookworm-backports/InRelease' mirror.example_debian_dists_bookworm-backports_InRelease 0 
'https://packages.example/cloud/dists/cloud-sdk-bookworm/InRelease' packages.example_cloud_dists_cloud-sdk-bookworm_InRelease 0 
'http://mirror.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' mirror.example_Packages 0 
`
	mirrors := []string{
		"deb http://mirror.example/debian bookworm main",
		"deb http://mirror.example/debian bookworm-updates main",
		"deb http://mirror.example/security bookworm-security main",
	}
	for _, c := range []struct {
		name, uris, release string
		want                []string
	}{
		{"the same release", uris, bookworm, mirrors},
		{"a later release, same mirror", strings.ReplaceAll(uris, "bookworm", "trixie"), strings.ReplaceAll(bookworm, "bookworm", "trixie"), mirrors},
		{"quoted identifiers", uris, "ID=\"debian\"\nVERSION_CODENAME='bookworm'\n", mirrors},
		{"another system", uris, "ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=bookworm\n", nil},
		{"no sources", "", bookworm, nil},
		{"Debian without a codename", uris, "ID=debian\n", nil},
	} {
		if got := aptSources(c.uris, c.release); !slices.Equal(got, c.want) {
			t.Errorf("%s: got\n%s", c.name, strings.Join(got, "\n"))
		}
	}
}

func TestAptSettings(t *testing.T) {
	const dump = `APT "";
APT::Architecture "amd64";
Acquire "";
Acquire::Check-Valid-Until "false";
Acquire::Changelogs::URI::Origin::Debian "https://changelogs.example";
Acquire::http "";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::https::CaInfo "/etc/ssl/ca.pem";
Acquire::Languages "none";
`
	want := []string{`Acquire::Check-Valid-Until "false"`, `Acquire::http::Proxy "http://proxy.example:3128"`, `Acquire::https::CaInfo "/etc/ssl/ca.pem"`}
	if got := aptSettings(dump); !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestTrimRoot(t *testing.T) {
	started := time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)
	packaged := started.AddDate(0, -3, 0)
	var root bytes.Buffer
	w := tar.NewWriter(&root)
	for _, entry := range []struct {
		header  tar.Header
		content string
	}{
		{tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o755}, ""},
		{tar.Header{Typeflag: tar.TypeDir, Name: "./dev/", Mode: 0o755, ModTime: packaged}, ""},
		{tar.Header{Typeflag: tar.TypeChar, Name: "./dev/null", Mode: 0o666}, ""},
		{tar.Header{Typeflag: tar.TypeDir, Name: "./etc/", Mode: 0o755, ModTime: started.Add(time.Hour)}, ""},
		{tar.Header{Typeflag: tar.TypeReg, Name: "./etc/passwd", Mode: 0o644, ModTime: started.Add(time.Minute)}, "root:x:0:0::/root:/bin/bash\n"},
		{tar.Header{Typeflag: tar.TypeReg, Name: "./etc/group", Mode: 0o644, ModTime: packaged}, "root:x:0:\n"},
		{tar.Header{Typeflag: tar.TypeReg, Name: "./etc/resolv.conf", Mode: 0o644, ModTime: packaged}, "nameserver 192.0.2.1\n"},
		{tar.Header{Typeflag: tar.TypeReg, Name: "./usr/bin/su", Mode: 0o4755, ModTime: packaged}, "su"},
		{tar.Header{Typeflag: tar.TypeLink, Name: "./usr/bin/perl5", Linkname: "./usr/bin/perl", Mode: 0o755, ModTime: packaged}, ""},
		{tar.Header{Typeflag: tar.TypeSymlink, Name: "./bin", Linkname: "usr/bin", Mode: 0o777, ModTime: packaged}, ""},
		{tar.Header{Typeflag: tar.TypeReg, Name: "./usr/share/doc/tini/copyright", Mode: 0o644, ModTime: packaged}, "MIT"},
		{tar.Header{Typeflag: tar.TypeReg, Name: "./usr/share/doc/tini/changelog.gz", Mode: 0o644, ModTime: packaged}, "zz"},
		{tar.Header{Typeflag: tar.TypeReg, Name: "./usr/share/locale/de/LC_MESSAGES/apt.mo", Mode: 0o644, ModTime: packaged}, "zz"},
		{tar.Header{Typeflag: tar.TypeReg, Name: "./usr/share/localefile", Mode: 0o644, ModTime: packaged}, "kept"},
	} {
		entry.header.Size = int64(len(entry.content))
		if err := w.WriteHeader(&entry.header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(entry.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	out, err := newLayerWriter(filepath.Join(t.TempDir(), "layer"), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := trimRoot(tar.NewReader(&root), out, started); err != nil {
		t.Fatal(err)
	}
	l, err := out.finish()
	if err != nil {
		t.Fatal(err)
	}
	headers, files := readLayer(t, l)
	byName := map[string]*tar.Header{}
	for _, header := range headers {
		byName[header.Name] = header
	}
	for _, gone := range []string{"dev/null", "etc/resolv.conf", "usr/share/doc/tini/changelog.gz", "usr/share/locale/de/LC_MESSAGES/apt.mo"} {
		if byName[gone] != nil {
			t.Errorf("%s is in the image", gone)
		}
	}
	if files["usr/share/doc/tini/copyright"] != "MIT" || files["usr/share/localefile"] != "kept" || byName["dev/"] == nil {
		t.Errorf("the image misses something: %v", names(headers))
	}
	if got := files["etc/passwd"]; got != "root:x:0:0::/root:/bin/bash\nspark:x:185:185:Apache Spark:/home/spark:/usr/sbin/nologin\n" {
		t.Errorf("/etc/passwd is %q", got)
	}
	if got := files["etc/group"]; got != "root:x:0:\nspark:x:185:\n" {
		t.Errorf("/etc/group is %q", got)
	}
	if mode := byName["etc/passwd"].Mode; mode != 0o664 {
		t.Errorf("/etc/passwd has mode %o, want 664 for users that the cluster makes up", mode)
	}
	if mode := byName["usr/bin/su"].Mode; mode != 0o755 {
		t.Errorf("su has mode %o: a way to become root", mode)
	}
	if link := byName["usr/bin/perl5"].Linkname; link != "usr/bin/perl" {
		t.Errorf("the hard link points to %s", link)
	}
	if at := byName["etc/passwd"].ModTime; !at.Equal(epoch()) {
		t.Errorf("a file that the installation wrote has time %s", at)
	}
	if at := byName["usr/share/localefile"].ModTime; !at.Equal(packaged) {
		t.Errorf("a file of a package has time %s, want %s", at, packaged)
	}
	if home := byName["home/spark/"]; home == nil || home.Uid != sparkUID || home.Gid != 0 || home.Mode != 0o775 {
		t.Errorf("the home of spark is %+v", home)
	}
}
