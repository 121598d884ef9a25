//! Requests of right and almost right pieces: a token if and only if credentials, APIs and scope are right.
use arbitrary::Arbitrary;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgemint_testkit::Oracle;

#[derive(Debug, Arbitrary)]
pub(crate) struct Asked<'a> {
    origin: Option<Page<'a>>,
    authorization: Option<Pair<'a>>,
    pieces: Vec<Piece<'a>>,
}

#[derive(Debug, Arbitrary)]
enum Page<'a> {
    Allowed,
    Own,
    Opaque,
    Other(&'a str),
}

#[derive(Debug, Arbitrary)]
enum Pair<'a> {
    Right,
    Encoded,
    Slow(&'a str),
    Other(&'a [u8]),
    Header(&'a str),
}

#[derive(Debug, Arbitrary)]
enum Piece<'a> {
    Grant,
    Id,
    SlowId,
    Secret,
    Proof,
    Scope(Vec<Word<'a>>),
    Resource(Api<'a>),
    Audience(Api<'a>),
    Nonce(&'a str),
    Other(&'a [u8]),
}

#[derive(Debug, Arbitrary)]
enum Word<'a> {
    OpenId,
    Groups,
    OfflineAccess,
    Read,
    Write,
    Retired,
    Peer,
    Myself,
    Namesake,
    Stranger,
    Other(&'a str),
}

#[derive(Debug, Arbitrary)]
enum Api<'a> {
    A,
    B,
    C,
    Gone,
    Foreign,
    Other(&'a str),
}

impl Page<'_> {
    fn origin(&self) -> &str {
        match self {
            Self::Allowed => "https://app.example",
            Self::Own => "https://example.com",
            Self::Opaque => "null",
            Self::Other(text) => text,
        }
    }
}

impl Pair<'_> {
    fn header(&self) -> String {
        let secret = Oracle::secret();
        match self {
            Self::Right => format!("Basic {}", STANDARD.encode(format!("app:{}", secret.expose()))),
            Self::Encoded => {
                let encoded = secret.expose().replace('_', "%5F");
                format!("bAsIc  {}", STANDARD.encode(format!("%61pp:{encoded}")).trim_end_matches('='))
            }
            Self::Slow(secret) => format!("Basic {}", STANDARD.encode(format!("slow:{secret}"))),
            Self::Other(pair) => format!("Basic {}", STANDARD.encode(pair)),
            Self::Header(header) => (*header).to_owned(),
        }
    }
}

impl Piece<'_> {
    fn encoded(&self) -> Vec<u8> {
        let secret = Oracle::secret();
        let (name, value) = match self {
            Self::Grant => ("grant_type", "client_credentials".to_owned()),
            Self::Id => ("client_id", "app".to_owned()),
            Self::SlowId => ("client_id", "slow".to_owned()),
            Self::Secret => ("client_secret", secret.expose().to_owned()),
            Self::Proof => {
                return format!(
                    "grant_type=client_credentials&client_id=app&client_secret={}",
                    secret.expose()
                )
                .into();
            }
            Self::Scope(words) => ("scope", words.iter().map(Word::text).collect::<Vec<_>>().join(" ")),
            Self::Resource(api) => ("resource", api.text().to_owned()),
            Self::Audience(api) => ("audience", api.text().to_owned()),
            Self::Nonce(nonce) => ("nonce", (*nonce).to_owned()),
            Self::Other(bytes) => return bytes.to_vec(),
        };
        form_urlencoded::Serializer::new(String::new()).append_pair(name, &value).finish().into()
    }
}

impl Word<'_> {
    fn text(&self) -> &str {
        match self {
            Self::OpenId => "openid",
            Self::Groups => "groups",
            Self::OfflineAccess => "offline_access",
            Self::Read => "read",
            Self::Write => "write",
            Self::Retired => "retired",
            Self::Peer => "audience:server:client_id:peer",
            Self::Myself => "audience:server:client_id:app",
            Self::Namesake => "audience:server:client_id:https://b/",
            Self::Stranger => "audience:server:client_id:stranger",
            Self::Other(text) => text,
        }
    }
}

impl Api<'_> {
    fn text(&self) -> &str {
        match self {
            Self::A => "https://a/",
            Self::B => "https://b/",
            Self::C => "c",
            Self::Gone => "https://gone/",
            Self::Foreign => "https://foreign/",
            Self::Other(text) => text,
        }
    }
}

thread_local!(static ORACLE: Oracle = Oracle::default());

pub(crate) fn run(asked: Asked<'_>) {
    let form = asked.pieces.iter().map(Piece::encoded).collect::<Vec<_>>().join(&b'&');
    let header = asked.authorization.as_ref().map(Pair::header);
    let origin = asked.origin.as_ref().map(Page::origin);
    ORACLE.with(|oracle| oracle.post_from(origin, header.as_deref(), &form));
}
