// The first lookup of an agency's system. Usage: lookup PERSON [FIELDS]
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	mathrand "math/rand"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v4"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	population "lookup/vn/population/v1"
)

const (
	system      = "H26/one-stop"
	deadline    = 5 * time.Second
	attemptsMax = 3
	pauseMax    = 10 * time.Second
)

// What may be asked again as it is. Everything else stays as it is until somebody has acted.
var repeat = map[string]bool{
	"DEADLINE_PASSED":      true,
	"GATEWAY_BUSY":         true,
	"LEDGER_UNAVAILABLE":   true,
	"MESSAGE_LATE":         true,
	"PROVIDER_BROKE_OFF":   true,
	"PROVIDER_BUSY":        true,
	"PROVIDER_SILENT":      true,
	"PROVIDER_UNREACHABLE": true,
	"RATE_EXCEEDED":        true,
	"TOKEN_EXPIRED":        true,
}

type endpoints struct {
	Gateway, Audience, CA string
	Systems               map[string]files
}

type files struct {
	Cert, Key string
	TokenKey  string `json:"token_key"`
	TokenKid  string `json:"token_kid"`
}

// refused tells why no answer came.
type refused struct {
	code    codes.Code
	message string
	// The details of the gateway. A reason is absent where the gateway was not reached.
	reason, vietnamese, record string
	wait                       time.Duration
}

func (r *refused) Error() string { return r.message }

func (r *refused) mayRepeat() bool {
	unreached := r.reason == "none" && r.code == codes.Unavailable
	return unreached || repeat[r.reason]
}

func read(err error) *refused {
	s := status.Convert(err)
	r := &refused{code: s.Code(), message: s.Message(), reason: "none", record: "none"}
	for _, detail := range s.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.Domain == "motlan" {
				r.reason = detail.Reason
				if record, ok := detail.Metadata["record"]; ok {
					r.record = record
				}
			}
		case *errdetails.LocalizedMessage:
			r.vietnamese = detail.Message
		case *errdetails.RetryInfo:
			delay := detail.GetRetryDelay()
			r.wait = time.Duration(delay.GetSeconds())*time.Second + time.Duration(delay.GetNanos())
		}
	}
	return r
}

// client is an agency's system with one connection to the gateway.
type client struct {
	registry   population.PopulationRegistryClient
	audience   string
	kid        string
	tokenKey   any
	thumbprint string
}

// connect opens a connection, which serves many calls. Keep it open.
func connect(folder string) (*client, error) {
	file := func(name string) []byte {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			log.Fatal(err)
		}
		return content
	}
	var where endpoints
	if err := json.Unmarshal(file("endpoints.json"), &where); err != nil {
		return nil, err
	}
	mine := where.Systems[system]
	certificate, err := tls.X509KeyPair(file(mine.Cert), file(mine.Key))
	if err != nil {
		return nil, err
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(file(where.CA))
	channel, err := grpc.Dial(where.Gateway, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{certificate},
		RootCAs:      authorities,
		MinVersion:   tls.VersionTLS13,
	})))
	if err != nil {
		return nil, err
	}
	// `ParseEdPrivateKeyFromPEM` where an Ed25519 key is registered.
	key, err := jwt.ParseECPrivateKeyFromPEM(file(mine.TokenKey))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(certificate.Certificate[0])
	return &client{
		registry:   population.NewPopulationRegistryClient(channel),
		audience:   where.Audience,
		kid:        mine.TokenKid,
		tokenKey:   key,
		thumbprint: base64.RawURLEncoding.EncodeToString(sum[:]),
	}, nil
}

// token is the official's statement of why, signed by this system and bound to its certificate.
func (c *client) token(official, procedure, dossier string) (string, error) {
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return "", err
	}
	now := time.Now().Unix()
	// `SigningMethodEdDSA` where an Ed25519 key is registered.
	token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"iss":     system,
		"sub":     official,
		"aud":     c.audience,
		"iat":     now,
		"exp":     now + 300,
		"jti":     hex.EncodeToString(id),
		"cnf":     map[string]string{"x5t#S256": c.thumbprint},
		"purpose": map[string]string{"procedure": procedure, "dossier": dossier},
	})
	token.Header["kid"] = c.kid
	return token.SignedString(c.tokenKey)
}

// ask makes one attempt: a lookup of its own, with a record of its own.
func (c *client) ask(person, fields string) (*population.Person, metadata.MD, error) {
	bearer, err := c.token("canbo.0042", "1.004222", "000.00.00.H26-261122-0001")
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+bearer)
	if fields != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "motlan-fields", fields)
	}
	var trailers metadata.MD
	request := &population.GetPersonRequest{PersonalId: person}
	answer, err := c.registry.GetPerson(ctx, request, grpc.Trailer(&trailers))
	if err != nil {
		return nil, nil, read(err)
	}
	return answer, trailers, nil
}

// lookUp gives the person and the trailers, or a refusal.
func (c *client) lookUp(person, fields string) (*population.Person, metadata.MD, error) {
	for attempt := 1; ; attempt++ {
		answer, trailers, err := c.ask(person, fields)
		r, ok := err.(*refused)
		if !ok {
			return answer, trailers, err
		}
		pause := time.Duration(float64(200*time.Millisecond<<attempt) * (0.5 + mathrand.Float64()/2))
		if r.wait > pause {
			pause = r.wait
		}
		if !r.mayRepeat() || attempt == attemptsMax || pause > pauseMax {
			return nil, nil, r
		}
		fmt.Fprintf(os.Stderr, "attempt %d: %v, again in a moment\n", attempt, r.code)
		time.Sleep(pause)
	}
}

// wire is a code as the specification of gRPC spells it.
func wire(code codes.Code) string {
	var spelt strings.Builder
	for i, r := range code.String() {
		if i > 0 && r >= 'A' && r <= 'Z' {
			spelt.WriteByte('_')
		}
		spelt.WriteRune(r)
	}
	return strings.ToUpper(spelt.String())
}

func main() {
	person, fields := os.Args[1], strings.Join(os.Args[2:], ",")
	c, err := connect(os.Getenv("DIR"))
	if err != nil {
		log.Fatal(err)
	}
	answer, trailers, err := c.lookUp(person, fields)
	if r, ok := err.(*refused); ok {
		fmt.Printf("refused: %s %s\n", wire(r.code), r.reason)
		fmt.Println("message:", r.message)
		fmt.Println("vi:", r.vietnamese)
		fmt.Println("record:", r.record)
		os.Exit(1)
	} else if err != nil {
		log.Fatal(err)
	}
	// What was not given is not set.
	born := ""
	if date := answer.DateOfBirth; date != nil {
		born = fmt.Sprintf("%d-%d-%d", date.Year, date.Month, date.Day)
	}
	fmt.Println("name:", answer.FullName)
	fmt.Println("born:", born)
	fmt.Println("province:", answer.PermanentResidence.GetProvinceName())
	fmt.Println("record:", trailers.Get("motlan-record")[0])
	fmt.Println("withheld:", strings.Join(trailers.Get("motlan-withheld"), ""))
	fmt.Println("as of:", trailers.Get("motlan-as-of")[0])
}
