//! The targets of a request: `resource` (RFC 8707 §2) and `audience`, read and bounded.

use crate::error::TokenError;
use crate::error::target::TargetError;
use crate::grammar::form::Form;
use crate::records::api_id::ApiId;

/// The most targets that one request may name: each may cost a read of the store.
const MAX_TARGETS: usize = 8;

/// The APIs that a request names, without repetitions, in the order of the request.
///
/// `resource` must be an absolute URI without fragment (RFC 8707 §2). `audience` has the same meaning, and
/// may also name something other than a URI. Whether these APIs exist, and whether the client may use them,
/// is checked only after authentication.
pub(crate) fn parse(form: &Form<'_>) -> Result<Vec<ApiId>, TokenError> {
    let mut targets = Vec::new();
    let named = form.iter().filter(|(name, _)| matches!(*name, "resource" | "audience"));
    for (i, (name, value)) in named.enumerate() {
        if i == MAX_TARGETS {
            return Err(TargetError::TooManyTargets.into());
        }
        let target = ApiId::parse(value).map_err(|_| TokenError::Target(TargetError::MalformedTarget))?;
        if name == "resource" && !target.is_absolute_uri() {
            return Err(TargetError::MalformedTarget.into());
        }
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str) -> Result<String, TokenError> {
        let targets = parse(&Form::parse(body.as_bytes()).unwrap())?;
        Ok(targets.iter().map(ApiId::as_str).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn targets_are_read_in_order_and_each_counts_once() {
        assert_eq!(read("scope=a&nonce=b"), Ok(String::new()));
        assert_eq!(read("resource=&audience="), Ok(String::new()));
        let body = "audience=api&resource=urn:b&audience=urn:b&resource=https://a/&audience=api";
        assert_eq!(read(body), Ok("api urn:b https://a/".into()));
    }

    #[test]
    fn a_resource_is_an_absolute_uri_without_fragment_and_an_audience_need_not_be() {
        for malformed in
            ["resource=api", "resource=/a", "resource=https://a/%23b", "audience=a%20b", "audience=a%23b"]
        {
            assert_eq!(read(malformed), Err(TokenError::Target(TargetError::MalformedTarget)), "{malformed}");
        }
        assert_eq!(read("audience=api&resource=https://a/?b=%25"), Ok("api https://a/?b=%".into()));
    }

    #[test]
    fn the_number_of_targets_is_bounded() {
        let many = |n: usize| vec!["audience=a"; n].join("&");
        assert!(read(&many(MAX_TARGETS)).is_ok());
        assert_eq!(read(&many(MAX_TARGETS + 1)), Err(TokenError::Target(TargetError::TooManyTargets)));
    }

    proptest! {
        #[test]
        fn no_value_makes_the_parser_panic(values in proptest::collection::vec(("(resource|audience)", ".{0,30}"), 0..12)) {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&values).finish();
            let _ = parse(&Form::parse(body.as_bytes()).unwrap());
        }

        #[test]
        fn what_is_read_was_asked_for_and_is_of_the_grammar(values in proptest::collection::vec(("(resource|audience)", "(https://[a-c]/|urn:[a-c]|[a-c]|[ -~]{1,9})"), 0..9)) {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&values).finish();
            let read = parse(&Form::parse(body.as_bytes()).unwrap());
            let well_formed = values.iter().all(|(name, value)| {
                ApiId::parse(value).is_ok_and(|id| name == "audience" || id.is_absolute_uri())
            });
            prop_assert_eq!(read.is_ok(), well_formed);
            for target in read.iter().flatten() {
                prop_assert!(values.iter().any(|(_, value)| value == target.as_str()));
            }
        }
    }
}
