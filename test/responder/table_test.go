package responder_test

import (
	"slices"
	"testing"
)

func TestEveryBadBehaviourCostsItsOwnRequestOnly(t *testing.T) {
	rows := slices.Concat(
		wireRows(), protocolRows(), streamRows(), endRows(), headRows(), statusRows(), lengthRows(), stderrRows(),
	)
	seen := map[string]bool{}
	for _, tt := range rows {
		if seen[tt.name] {
			t.Fatalf("two rows are called %q", tt.name)
		}
		seen[tt.name] = true
		t.Run(tt.name, tt.run)
	}
}
