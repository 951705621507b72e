// SPDX-License-Identifier: Apache-2.0

package sparkconf

import "testing"

func mustVersion(t testing.TB, text string) Version {
	t.Helper()
	v, err := ParseVersion(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestParseVersion(t *testing.T) {
	for _, text := range []string{"4.1.4", "4.1", "4.1.4-SNAPSHOT", "4.2.0-preview1"} {
		if got := mustVersion(t, text).String(); got != text {
			t.Errorf("ParseVersion(%q).String() = %q", text, got)
		}
	}
	for _, text := range []string{"", "4", "4.", "v4.1.0", "4.1.0.1", "4.1.x", "-4.1", "4.-1", "+4.1", "4.70000", " 4.1"} {
		if v, err := ParseVersion(text); err == nil {
			t.Errorf("ParseVersion(%q) = %v, want an error", text, v)
		}
	}
}

func TestVersionOrder(t *testing.T) {
	ordered := []string{"3.3.4", "3.4.0", "3.10.0", "4.0.0", "4.0.5", "4.1"}
	for i, a := range ordered {
		for j, b := range ordered {
			got := mustVersion(t, a).Compare(mustVersion(t, b))
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got != want {
				t.Errorf("%s.Compare(%s) = %d, want %d", a, b, got, want)
			}
		}
	}
	snapshot := mustVersion(t, "4.1.0-SNAPSHOT")
	if snapshot.Compare(mustVersion(t, "4.1.0")) != 0 || !snapshot.AtLeast(4, 1) || snapshot.AtLeast(4, 2) {
		t.Errorf("%s does not count as 4.1.0", snapshot)
	}
	if v := mustVersion(t, "3.5.1"); !v.AtLeastPatch(3, 5, 1) || v.AtLeastPatch(3, 5, 2) {
		t.Errorf("%s: wrong patch comparison", v)
	}
	if got := snapshot.Minor(); got != "4.1" {
		t.Errorf("Minor() = %q", got)
	}
}
