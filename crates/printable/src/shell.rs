//! Words and commands for a POSIX shell, so that you can paste printed ones.

use std::ffi::OsStr;

use crate::is_printable;

/// One word that a shell takes literally: characters with another meaning are quoted.
///
/// Characters that a terminal would act on become octal numbers for `printf`. A shell drops line breaks at
/// the end of a command's output, so such a word must not end with one. Nothing that edgemint prints does.
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    if text.chars().all(is_printable) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    octal(text.as_bytes())
}

fn octal(bytes: &[u8]) -> String {
    let octal: String = bytes.iter().map(|byte| format!("\\{byte:03o}")).collect();
    format!("\"$(printf '{octal}')\"")
}

/// The words of a command, each taken literally.
pub fn command<T: AsRef<OsStr>>(program: &str, arguments: &[T]) -> String {
    let words = arguments.iter().map(|argument| {
        let argument = argument.as_ref();
        argument.to_str().map_or_else(|| octal(argument.as_encoded_bytes()), word)
    });
    std::iter::once(word(program)).chain(words).collect::<Vec<_>>().join(" ")
}

/// An argument that is not an option and comes last in a command, whatever its first character is.
pub fn last(text: &str) -> String {
    let dashes = if text.starts_with('-') { "-- " } else { "" };
    format!("{dashes}{}", word(text))
}

/// An option with its value, whatever the value's first character is.
pub fn option(name: &str, value: &str) -> String {
    let between = if value.starts_with('-') { '=' } else { ' ' };
    format!("{name}{between}{}", word(value))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;
    use crate::testing::{hostile, is_harmful};

    /// The words as a shell reads them.
    fn read_back(words: &str) -> Vec<u8> {
        let script = format!("printf '<%s>' {words}");
        Command::new("sh").arg("-c").arg(script).output().expect("a shell").stdout
    }

    #[test]
    fn a_command_is_told_as_it_could_be_typed() {
        assert_eq!(
            command("wrangler", &["kv", "--config", "/my folder/wrangler.toml", "it's", ""]),
            r"wrangler kv --config '/my folder/wrangler.toml' 'it'\''s' ''"
        );
        assert_eq!((last("-x"), last("a b")), ("-- -x".to_owned(), "'a b'".to_owned()));
        assert_eq!(option("--api", "-x"), "--api=-x");
        assert_eq!(option("--api", "$(x)"), "--api '$(x)'");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_shell_reads_back_what_was_quoted(texts in prop::collection::vec(hostile(), 1..4)) {
            // No program can have a NUL in an argument, and `word` does not support a line break at the end.
            let texts: Vec<String> = texts.iter().map(|text| format!("{}.", text.replace('\0', ""))).collect();
            let words: Vec<String> = texts.iter().map(|text| word(text)).collect();
            let words = words.join(" ");
            prop_assert!(!is_harmful(&words));
            let expected: String = texts.iter().map(|text| format!("<{text}>")).collect();
            prop_assert_eq!(String::from_utf8(read_back(&words)).expect("it is text"), expected);
        }

        #[test]
        fn a_shell_reads_back_any_id(id in "[ -~]{1,64}") {
            for (words, expected) in [
                (word(&id), format!("<{id}>")),
                (option("--api", &id), if id.starts_with('-') { format!("<--api={id}>") } else { format!("<--api><{id}>") }),
                (last(&id), if id.starts_with('-') { format!("<--><{id}>") } else { format!("<{id}>") }),
            ] {
                prop_assert_eq!(String::from_utf8(read_back(&words)).expect("it is text"), expected);
            }
        }
    }
}
