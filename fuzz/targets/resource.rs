//! Any APIs, one per line, as `resource` and as `audience`: a token if and only if the client has all of
//! them.
use edgemint_testkit::Oracle;
use form_urlencoded::Serializer;

thread_local!(static ORACLE: Oracle = Oracle::default());

pub(crate) fn run(text: &str) {
    for name in ["resource", "audience"] {
        let mut form = Serializer::new(String::from("grant_type=client_credentials&client_id=app"));
        form.append_pair("client_secret", Oracle::secret().expose());
        let form = form.extend_pairs(text.lines().map(|target| (name, target))).finish();
        ORACLE.with(|oracle| oracle.post(None, form.as_bytes()));
    }
}
