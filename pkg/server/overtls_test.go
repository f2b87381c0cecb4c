package server_test

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"github.com/fcgigw/fcgigw/pkg/certs/certstest"
)

const (
	tls12 = "TestOverTLS/1.2_"
	tls13 = "TestOverTLS/1.3_"
)

// TestOverTLS runs what holds for plain connections with TLS beneath; start and
// dial look at the test's name.
func TestOverTLS(t *testing.T) {
	t.Run("1.3_idle", TestIdleConnectionsHaveNoGoroutineAndWakeUp) // counts goroutines: on its own
	for name, test := range map[string]func(*testing.T){
		"forgotten":         TestAParkedConnectionWhoseClientLeavesIsForgotten,
		"keepalive timeout": TestIdleConnectionsEndWithTheKeepaliveTimeout,
		"slow head":         TestASlowHeadIsAnsweredWith408,
		"slow body":         TestASlowBodyIsATimeoutOfTheRead,
		"send timeout":      TestAClientThatReadsNothingRunsIntoTheSendTimeout,
		"many requests":     TestAConnectionCarriesManyRequests,
		"pipelined":         TestPipelinedRequestsAreAnsweredInOrder,
		"byte by byte":      TestRequestsMayArriveByteByByte,
		"split heads":       TestHeadsMayBeSplitAnywhere,
		"versions":          TestTheConnectionStaysOpenOrNotAsTheVersionSays,
		"until the end":     TestAnHTTP10BodyOfUnknownLengthEndsWithTheConnection,
		"unread body":       TestAnUnreadBodyDoesNotBecomeARequest,
		"refused":           TestRequestsThatCannotBeServedAreAnsweredAndReported,
		"still sending":     TestTheAnswerArrivesAlthoughTheClientIsStillSending,
		"continue":          TestContinueIsSentWhenTheBodyIsRead,
		"no continue":       TestContinueIsNotSentForABodyThatNobodyReads,
		"broken body":       TestABrokenBodyIsAnErrorOfTheRead,
		"panic":             TestAPanicCostsItsRequestOnly,
		"half closed":       TestAClientMayCloseItsSideBehindTheRequest,
		"large bodies":      TestLargeBodiesArriveWhole,
		"shutdown":          TestShutdownClosesIdleConnectionsAndLetsBusyOnesEnd,
		"cut":               TestShutdownCutsWhatIsLeftWhenItsContextEnds,
		"told of the cut":   TestWhoeverIsCutOffIsToldSo,
		"partial writes":    TestFramingSurvivesPartialWritesOfEverySize,
		"never waits":       TestTryWriteDoesNotWaitForTheClient,
		"without a body":    TestResponsesWithoutABodyDropIt,
		"other length":      TestABodyOfAnotherLengthThanDeclaredIsCut,
		"ends early":        TestAHandlerThatEndsEarlyCutsTheResponse,
		"aborted":           TestAbortBeforeAnythingWasSentClosesWithoutAnAnswer,
		"interim":           TestInterimResponsesGoToThoseWhoKnowThem,
		"client left":       TestAHandlerSeesThatItsClientLeft,
		"switch":            TestARequestMaySwitchTheProtocol,
		"both directions":   TestAStreamCarriesMuchInBothDirectionsAtOnce,
		"stream timeout":    TestAClientThatDoesNotReadItsStreamRunsIntoTheSendTimeout,
		"stream in a drain": TestAStreamIsInFlightInADrainAndCutAtItsEnd,
		"stream closed":     TestClosingAStreamEndsReadsAndWritesUnderWay,
		"wish not granted":  TestAWishThatIsNotGrantedKeepsTheConnection,
		"sendfile declines": TestSendFileDeclinesWhatItCannotFrame,
	} {
		for _, version := range []string{tls12, tls13} {
			t.Run(strings.TrimPrefix(version, "TestOverTLS/")+name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	}
}

// serverTLS returns the configuration of the test's server, nil for plain.
func serverTLS(tb testing.TB) *tls.Config {
	if !strings.HasPrefix(tb.Name(), "TestOverTLS/") {
		return nil
	}
	return &tls.Config{Certificates: []tls.Certificate{certstest.ForServer(tb, "example.org")}}
}

// clientTLS puts TLS on a connection if the test is one over TLS.
func clientTLS(tb testing.TB, nc net.Conn) net.Conn {
	tb.Helper()
	if !strings.HasPrefix(tb.Name(), "TestOverTLS/") {
		return nc
	}
	cfg := &tls.Config{InsecureSkipVerify: true}
	if strings.HasPrefix(tb.Name(), tls12) {
		cfg.MaxVersion = tls.VersionTLS12
	}
	return shake(tb, nc, cfg)
}

func shake(tb testing.TB, nc net.Conn, cfg *tls.Config) *tls.Conn {
	tb.Helper()
	tc := tls.Client(nc, cfg)
	if err := tc.HandshakeContext(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return tc
}
