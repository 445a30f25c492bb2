package awssdk

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// checkSignature makes the signature of the last request again, from what arrived of it.
func checkSignature(t *testing.T, s *service) {
	t.Helper()
	got := s.seen.Header.Get("Authorization")
	_, rest, ok := strings.Cut(got, "Credential=AKIDEXAMPLE/20261122/eu-west-1/")
	signed, _, _ := strings.Cut(rest, "/aws4_request")
	if !ok {
		t.Fatalf("the request is not signed by its key, day and region: %q", got)
	}
	again, err := http.NewRequest(s.seen.Method, s.URL+s.seen.RequestURI, strings.NewReader(string(s.body)))
	if err != nil {
		t.Fatal(err)
	}
	_, names, _ := strings.Cut(got, "SignedHeaders=")
	names, _, _ = strings.Cut(names, ",")
	for _, name := range strings.Split(names, ";") {
		if name != "host" && name != "content-length" && name != "x-amz-date" {
			again.Header[http.CanonicalHeaderKey(name)] = s.seen.Header.Values(name)
		}
	}
	keys, _ := testKeys()
	sum := sha256.Sum256(s.body)
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = signed == "s3" })
	if err := signer.SignHTTP(t.Context(), keys, again, hex.EncodeToString(sum[:]), signed, "eu-west-1", noon); err != nil {
		t.Fatal(err)
	}
	if want := again.Header.Get("Authorization"); got != want {
		t.Errorf("the signature is %q, want %q", got, want)
	}
}
