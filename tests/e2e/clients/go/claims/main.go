// Command claims shows which spellings of reserved claims Go reads as these claims. It reads a JSON list of names, and
// prints a list of spellings for each. encoding/json matches the names of members regardless of case (Unicode's simple
// folding), and the last member wins.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
)

// The limit of spellings per name. For a name with more, only spellings with up to two other letters are tried.
const most = 100

func main() {
	var names []string
	check(json.NewDecoder(os.Stdin).Decode(&names))
	must(len(names) > 0, "there are names")
	taken := map[string][]string{}
	for _, name := range names {
		for _, spelling := range slices.Concat(folded(name), lookalikes(name)) {
			if spelling == name {
				continue
			}
			is := structTakes(name, spelling)
			// Go folds letters exactly as unicode.SimpleFold does.
			must(is == strings.EqualFold(name, spelling), fmt.Sprintf("%q for %q: %t", spelling, name, is))
			if is {
				taken[name] = append(taken[name], spelling)
			}
			for library, takes := range map[string]func(string, string) bool{"golang-jwt": jwtTakes, "go-oidc": oidcTakes} {
				if slices.Contains([]string{"iss", "sub", "aud", "exp", "iat"}, name) {
					must(takes(name, spelling) == is, fmt.Sprintf("%s: %q for %q is not %t", library, spelling, name, is))
				}
			}
		}
		must(len(taken[name]) > len(name)/2, "spellings of "+name)
	}
	check(json.NewEncoder(os.Stdout).Encode(taken))
}

// Spellings of name that are equal under simple folding.
func folded(name string) []string {
	letters := []rune(name)
	spellings := []string{strings.ToUpper(name), strings.ToTitle(name[:1]) + name[1:]}
	// All of them, letter by letter.
	all := []string{""}
	for _, letter := range letters {
		var longer []string
		for _, start := range all {
			for _, other := range orbit(letter) {
				longer = append(longer, start+string(other))
			}
		}
		if all = longer; len(all) > most {
			break
		}
	}
	if len(all) <= most {
		return append(spellings, all...)
	}
	// Otherwise, all spellings with up to two other letters.
	for i := range letters {
		for _, first := range orbit(letters[i]) {
			for j := range letters {
				for _, second := range orbit(letters[j]) {
					spelling := slices.Clone(letters)
					spelling[i], spelling[j] = first, second
					spellings = append(spellings, string(spelling))
				}
			}
		}
	}
	return spellings
}

// The letter and all letters that fold to the same.
func orbit(letter rune) []rune {
	found := []rune{letter}
	for other := unicode.SimpleFold(letter); other != letter; other = unicode.SimpleFold(other) {
		found = append(found, other)
	}
	return found
}

// Spellings that are equal under other foldings, or that look like name to people.
func lookalikes(name string) []string {
	full := strings.NewReplacer("ss", "ß", "st", "ﬆ", "fi", "ﬁ", "i", "ı")
	upper := strings.NewReplacer("i", "İ")
	camel := strings.ReplaceAll(name, "_", "")
	wide := strings.Map(func(letter rune) rune {
		if letter >= 'a' && letter <= 'z' {
			return letter - 'a' + 'ａ'
		}
		return letter
	}, name)
	cyrillic := strings.NewReplacer("a", "а", "e", "е", "o", "о", "p", "р", "c", "с", "i", "і")
	spellings := []string{full.Replace(name), upper.Replace(name), wide, cyrillic.Replace(name), name + " ", " " + name, name + "\x00", name + "\u0301"}
	if camel != name {
		spellings = append(spellings, camel, strings.ReplaceAll(name, "_", "-"), strings.ReplaceAll(name, "_", "__"))
	}
	return slices.DeleteFunc(spellings, func(spelling string) bool { return spelling == name })
}

// Whether a struct with the field name gets the value of spelling.
func structTakes(name, spelling string) bool {
	field := reflect.StructField{Name: "Claim", Type: reflect.TypeFor[string](), Tag: reflect.StructTag(`json:"` + name + `"`)}
	claims := reflect.New(reflect.StructOf([]reflect.StructField{field}))
	check(json.Unmarshal(encoded(map[string]any{spelling: "other"}), claims.Interface()))
	return claims.Elem().Field(0).String() == "other"
}

// The claims of a token of ours, followed by one of the client's own claims.
func payload(spelling string, value any) []byte {
	issued := `{"iss":"https://a.example","sub":"a","aud":"a","exp":1795000600,"iat":1795000000,`
	return append([]byte(issued), encoded(map[string]any{spelling: value})[1:]...)
}

func other(name string) any {
	if name == "exp" || name == "iat" {
		return 4000000000
	}
	return "other"
}

// isOther returns whether a library used the value of the other spelling of the claim.
func isOther(name, iss, sub, aud string, exp, iat int64) bool {
	texts := map[string]string{"iss": iss, "sub": sub, "aud": aud}
	times := map[string]int64{"exp": exp, "iat": iat}
	if text, isText := texts[name]; isText {
		return text == "other"
	}
	return times[name] == 4000000000
}

func jwtTakes(name, spelling string) bool {
	var claims jwt.RegisteredClaims
	check(json.Unmarshal(payload(spelling, other(name)), &claims))
	return isOther(name, claims.Issuer, claims.Subject, claims.Audience[0], claims.ExpiresAt.Unix(), claims.IssuedAt.Unix())
}

// trusted accepts every signature, because this test is about the claims of the token.
type trusted struct{}

func (trusted) VerifySignature(_ context.Context, token string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
}

func oidcTakes(name, spelling string) bool {
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256"}`))
	token := header + "." + base64.RawURLEncoding.EncodeToString(payload(spelling, other(name))) + "." + header
	verifier := oidc.NewVerifier("https://a.example", trusted{}, &oidc.Config{
		SkipClientIDCheck: true, SkipExpiryCheck: true, SkipIssuerCheck: true,
	})
	claims, err := verifier.Verify(context.Background(), token)
	check(err)
	return isOther(name, claims.Issuer, claims.Subject, claims.Audience[0], claims.Expiry.Unix(), claims.IssuedAt.Unix())
}

func encoded(value any) []byte {
	text, err := json.Marshal(value)
	check(err)
	return text
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func must(holds bool, what string) {
	if !holds {
		log.Fatalf("not so: %s", what)
	}
}
