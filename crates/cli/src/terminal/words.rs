//! Counts, lists and tables as text.

use edgemint_printable::printable;

/// The text of an empty cell.
pub(crate) const NONE: &str = "-";

/// The maximum number of names in one line.
const MAX_NAMES: usize = 10;

/// A count with its noun, such as `1 client` and `2 clients`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {what}{end}")
}

/// Names separated by commas. The text `none` if the list is empty.
pub(crate) fn listed<T: AsRef<str>>(names: impl IntoIterator<Item = T>, none: &str) -> String {
    let names: Vec<String> = names.into_iter().map(|name| printable(name.as_ref())).collect();
    if names.is_empty() { none.to_owned() } else { names.join(", ") }
}

/// Names separated by commas. A long list is cut, with the number of names that were left out.
pub(crate) fn some_of<T: AsRef<str>>(names: &[T]) -> String {
    let told = listed(names.iter().take(MAX_NAMES), NONE);
    match names.len().saturating_sub(MAX_NAMES) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}

/// Rows with aligned columns. The first row is the heading.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    // Escape before measuring widths: an escaped cell can be longer than the cell.
    let rows: Vec<[String; N]> = rows
        .iter()
        .map(|row| std::array::from_fn(|i| row.get(i).map_or_else(String::new, |cell| printable(cell))))
        .collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_one_another() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        assert_eq!(
            table(&[row(["ID", "NAME", "STATE"]), row(["a", "Ärger", "x"]), row(["billing", "B", ""])]),
            ["ID       NAME   STATE", "a        Ärger  x", "billing  B"]
        );
    }

    #[test]
    fn a_cell_is_as_wide_as_what_is_shown_of_it() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned);
        assert_eq!(table(&[row(["a\u{1b}\n", "x"]), row(["b", "y"])]), [r"a\u{1b}\n  x", "b          y"]);
    }
}
