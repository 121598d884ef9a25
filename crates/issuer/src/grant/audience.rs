//! The audience of a token (RFC 7519 §4.1.3).

/// `aud` (RFC 7519 §4.1.3): a string when single, else an array. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Audience {
    /// A single audience.
    One(String),
    /// Several audiences.
    Several(Vec<String>),
}

impl Audience {
    /// An audience of these names, without repetitions.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut audience: Vec<String> = Vec::new();
        for name in names {
            if !audience.iter().any(|known| known == name) {
                audience.push(name.to_owned());
            }
        }
        match <[String; 1]>::try_from(audience) {
            Ok([only]) => Self::One(only),
            Err(several) => Self::Several(several),
        }
    }

    /// Whether `name` is the only audience.
    pub(crate) fn is_only(&self, name: &str) -> bool {
        matches!(self, Self::One(only) if only == name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(only) => std::slice::from_ref(only),
            Self::Several(several) => several,
        }
        .iter()
        .map(String::as_str)
    }
}
