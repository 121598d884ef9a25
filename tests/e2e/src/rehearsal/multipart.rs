//! Reads a form of the type `multipart/form-data` (RFC 7578), as wrangler uploads a Worker.

/// A part of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The name of the field. For a module, wrangler uses the name of the module.
    pub(super) name: String,
    /// The type of a file. A field that is no file has none.
    pub(super) content_type: Option<String>,
    pub(super) body: Vec<u8>,
}

/// The parts of a form. `None` if `body` is no form, or `content_type` is that of something else.
pub(super) fn parts(content_type: &str, body: &[u8]) -> Option<Vec<Part>> {
    let boundary = content_type.strip_prefix("multipart/form-data;")?;
    let boundary = boundary.split_once("boundary=")?.1.split(';').next()?.trim().trim_matches('"');
    let delimiter = format!("--{boundary}").into_bytes();
    let mut parts = Vec::new();
    let mut rest = body.get(find(body, &delimiter)? + delimiter.len()..)?;
    while let Some(content) = rest.strip_prefix(b"\r\n") {
        let head = find(content, b"\r\n\r\n")?;
        let (head, after) = (content.get(..head)?, content.get(head + 4..)?);
        // The line end before a delimiter belongs to the delimiter.
        let end = find(after, &[b"\r\n", delimiter.as_slice()].concat())?;
        parts.push(part(&String::from_utf8_lossy(head), after.get(..end)?)?);
        rest = after.get(end + 2 + delimiter.len()..)?;
    }
    rest.starts_with(b"--").then_some(parts)
}

fn part(head: &str, body: &[u8]) -> Option<Part> {
    let header = |wanted: &str| {
        let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
        lines.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim().to_owned())
    };
    let disposition = header("content-disposition")?;
    let name = disposition.split("; ").find_map(|one| one.strip_prefix("name="))?.trim_matches('"');
    // The encoding that browsers and undici use for a quotation mark in a name.
    let name = name.replace("%22", "\"");
    Some(Part { name, content_type: header("content-type"), body: body.to_vec() })
}

fn find(within: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    loop {
        from += within.get(from..)?.iter().position(|byte| *byte == first)?;
        if within.get(from..)?.starts_with(needle) {
            return Some(from);
        }
        from += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{Part, parts};

    #[test]
    fn the_parts_of_a_form_are_read_whatever_they_contain() {
        let form = b"--b\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{}\r\n--b\r\nContent-Disposition: \
                     form-data; name=\"./a.wasm\"; filename=\"a.wasm\"\r\nContent-Type: application/wasm\r\n\r\n\0asm\r\n--x\r\n\r\n--b--\r\n";
        let read = parts("multipart/form-data; boundary=b", form).expect("a form");
        let part = |name: &str, content_type: Option<&str>, body: &[u8]| Part {
            name: name.to_owned(),
            content_type: content_type.map(str::to_owned),
            body: body.to_vec(),
        };
        assert_eq!(
            read,
            [part("metadata", None, b"{}"), part("./a.wasm", Some("application/wasm"), b"\0asm\r\n--x\r\n")]
        );
        assert_eq!(parts("application/json", form), None);
        assert_eq!(parts("multipart/form-data; boundary=b", b"--b\r\nhalf"), None);
    }
}
