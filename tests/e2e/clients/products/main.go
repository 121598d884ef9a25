// Command products passes the configurations in docs/guides/gateways/ to the parsers of the respective products.
package main

import (
	"fmt"
	"io"
	"os"

	jwtauthn "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	istio "istio.io/api/security/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/apis/apiserver/install"
	"k8s.io/apiserver/pkg/apis/apiserver/validation"
	authenticationcel "k8s.io/apiserver/pkg/authentication/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	"sigs.k8s.io/yaml"
)

func main() {
	check, ok := map[string]func([]byte) error{
		"kubernetes": kubernetes,
		"envoy":      func(text []byte) error { return message(text, &jwtauthn.JwtAuthentication{}) },
		"istio":      istioPolicy,
	}[os.Args[1]]
	if !ok {
		fail(fmt.Errorf("no such product: %s", os.Args[1]))
	}
	text, err := io.ReadAll(os.Stdin)
	if err == nil {
		err = check(text)
	}
	fail(err)
	fmt.Println("accepted")
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Parses the text as kube-apiserver reads the file of --authentication-config.
func kubernetes(text []byte) error {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	codecs := serializer.NewCodecFactory(scheme, serializer.EnableStrict)
	object, err := runtime.Decode(codecs.UniversalDecoder(), text)
	if err != nil {
		return err
	}
	configuration, ok := object.(*apiserver.AuthenticationConfiguration)
	if !ok {
		return fmt.Errorf("not an AuthenticationConfiguration: %T", object)
	}
	compiler := authenticationcel.NewCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	return validation.ValidateAuthenticationConfiguration(compiler, configuration, nil).ToAggregate()
}

type validated interface {
	proto.Message
	ValidateAll() error
}

func message(text []byte, into validated) error {
	json, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return err
	}
	if err := protojson.Unmarshal(json, into); err != nil {
		return err
	}
	return into.ValidateAll()
}

func istioPolicy(text []byte) error {
	var object struct {
		Spec map[string]any `json:"spec"`
		Kind string         `json:"kind"`
	}
	if err := yaml.Unmarshal(text, &object); err != nil {
		return err
	}
	spec, err := yaml.Marshal(object.Spec)
	if err != nil {
		return err
	}
	json, err := yaml.YAMLToJSONStrict(spec)
	if err != nil {
		return err
	}
	return protojson.Unmarshal(json, &istio.RequestAuthentication{})
}
