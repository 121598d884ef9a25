//! All fuzz targets as one program, because a program for each of them would be compiled from the same crates again.
//! The variable `EDGEMINT_FUZZ_TARGET` names the target.
#![no_main]

mod api_record;
mod assertion;
mod authorization;
mod client_record;
mod config;
mod dex_import;
mod form;
mod handle;
mod identity;
mod oracle;
mod proof;
mod resource;
mod scope;
mod token;
mod trusted_issuer;

use std::sync::OnceLock;

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::{Corpus, fuzz_target};

type Target = fn(&[u8]) -> Corpus;

/// Every target with its name, which is the name of its file.
const TARGETS: [(&str, Target); 15] = [
    ("api_record", |input| read(input, api_record::run)),
    ("assertion", |input| read(input, assertion::run)),
    ("authorization", |input| read(input, authorization::run)),
    ("client_record", |input| read(input, client_record::run)),
    ("config", |input| read(input, config::run)),
    ("dex_import", |input| read(input, dex_import::run)),
    ("form", |input| read(input, form::run)),
    ("handle", |input| read(input, handle::run)),
    ("identity", |input| read(input, identity::run)),
    ("oracle", |input| read(input, oracle::run)),
    ("proof", |input| read(input, proof::run)),
    ("resource", |input| read(input, resource::run)),
    ("scope", |input| read(input, scope::run)),
    ("token", |input| read(input, token::run)),
    ("trusted_issuer", |input| read(input, trusted_issuer::run)),
];

static TARGET: OnceLock<Target> = OnceLock::new();

fuzz_target!(
    init: {
        let name = std::env::var("EDGEMINT_FUZZ_TARGET").expect("EDGEMINT_FUZZ_TARGET names a target");
        let target = TARGETS.iter().find(|(known, _)| *known == name);
        let (_, target) = target.unwrap_or_else(|| panic!("unknown fuzz target {name}"));
        TARGET.set(*target).expect("libFuzzer initialises the program once");
    },
    |input: &[u8]| -> Corpus { TARGET.get().map_or(Corpus::Reject, |target| target(input)) }
);

/// Gives `input` to a target that takes a value of another type.
fn read<'a, T: Arbitrary<'a>>(input: &'a [u8], target: fn(T)) -> Corpus {
    // Shorter inputs never make a value. libFuzzer should not explore them.
    if input.len() < T::size_hint(0).0 {
        return Corpus::Reject;
    }
    let Ok(value) = T::arbitrary_take_rest(Unstructured::new(input)) else { return Corpus::Reject };
    target(value);
    Corpus::Keep
}
