//! Branch hints: a section of a wasm file that says which branches are rarely taken (WebAssembly's proposal
//! branch-hinting). V8 moves their code out of the way, so a token needs less of the processor's instruction cache.
//!
//! A first version of the file counts its branches while it serves the workload of `workload.mjs`.

use anyhow::{Context as _, Result, bail};
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    CodeSection, CustomSection, Encode as _, EntityType, ImportSection, Instruction, Module, Section as _,
};
use wasmparser::{
    CompositeInnerType, FunctionBody, ImportSectionReader, Operator, Parser, Payload, TypeRef, ValType,
};

/// The module and the name of the function that the counting version calls at each branch: `(condition, branch) ->
/// condition`. Branches are numbered in the order of the file.
const HIT: (&str, &str) = ("./index_bg.js", "hit");

/// A branch is unlikely if it goes the other way more than this many times as often.
const RARE: u64 = 100;

/// The name of the section.
const SECTION: &str = "metadata.code.branch_hint";

/// How often a branch was not taken, and taken.
pub(super) type Count = (u64, u64);

fn is_branch(operator: &Operator<'_>) -> bool {
    matches!(operator, Operator::If { .. } | Operator::BrIf { .. })
}

/// The version of `wasm` that counts its branches.
#[expect(clippy::wildcard_enum_match_arm, reason = "the other sections do not matter here")]
pub(super) fn counting(wasm: &[u8]) -> Result<Vec<u8>> {
    let (mut imported, mut hit_type) = (0, None);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(types) => hit_type = hit_type_of(types)?,
            Payload::ImportSection(imports) => imported = functions_of(imports)?,
            _ => {}
        }
    }
    let hit_type = hit_type.context("no function of the Worker has the type of the one that counts")?;
    let mut module = Module::new();
    let mut counting = Counting { imported, hit_type, branches: 0 };
    counting.parse_core_module(&mut module, Parser::new(0), wasm).map_err(|why| anyhow::anyhow!("{why}"))?;
    Ok(module.finish())
}

/// The number of imported functions.
fn functions_of(imports: ImportSectionReader<'_>) -> Result<u32> {
    let mut functions = 0;
    for import in imports.into_imports() {
        functions += u32::from(matches!(import?.ty, TypeRef::Func(_)));
    }
    Ok(functions)
}

/// The index of the type `(i32, i32) -> i32`.
fn hit_type_of(types: wasmparser::TypeSectionReader<'_>) -> Result<Option<u32>> {
    let mut index = 0;
    for group in types {
        for kind in group?.types() {
            if let CompositeInnerType::Func(kind) = &kind.composite_type.inner
                && kind.params() == [ValType::I32; 2]
                && kind.results() == [ValType::I32]
            {
                return Ok(Some(index));
            }
            index += 1;
        }
    }
    Ok(None)
}

struct Counting {
    imported: u32,
    hit_type: u32,
    branches: i32,
}

impl Reencode for Counting {
    type Error = std::convert::Infallible;

    /// The function that counts is the last import.
    fn function_index(&mut self, function: u32) -> Result<u32, Error<Self::Error>> {
        Ok(function + u32::from(function >= self.imported))
    }

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: ImportSectionReader<'_>,
    ) -> Result<(), Error<Self::Error>> {
        utils::parse_import_section(self, imports, section)?;
        imports.import(HIT.0, HIT.1, EntityType::Function(self.hit_type));
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), Error<Self::Error>> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            if is_branch(&operators.clone().read()?) {
                function.instruction(&Instruction::I32Const(self.branches));
                function.instruction(&Instruction::Call(self.imported));
                self.branches += 1;
            }
            function.instruction(&self.parse_instruction(&mut operators)?);
        }
        code.function(&function);
        Ok(())
    }
}

/// `wasm` with the hints that follow from `counts`. Branches after the last count were never reached.
#[expect(clippy::wildcard_enum_match_arm, reason = "the other sections do not matter here")]
pub(super) fn hinted(wasm: &[u8], counts: &[Count]) -> Result<Vec<u8>> {
    // The index of the next function, the end of the last section, and the beginning of the code section.
    let (mut function, mut end, mut code) = (0_u32, 8, None);
    let (mut functions, mut hinted) = (Vec::new(), 0_u32);
    let mut counts = counts.iter();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        let section = payload.as_section();
        match payload {
            Payload::ImportSection(imports) => function = functions_of(imports)?,
            Payload::CodeSectionStart { .. } => code = Some(end),
            Payload::CodeSectionEntry(body) => {
                let (mut hints, mut number) = (Vec::new(), 0_u32);
                for operator in body.get_operators_reader()?.into_iter_with_offsets() {
                    let (operator, offset) = operator?;
                    if !is_branch(&operator) {
                        continue;
                    }
                    if let Some(hint) = counts.next().and_then(|count| hint(*count)) {
                        (offset - body.range().start).encode(&mut hints);
                        // The length of the hint, and the hint.
                        hints.extend([1, hint]);
                        number += 1;
                    }
                }
                if number > 0 {
                    function.encode(&mut functions);
                    number.encode(&mut functions);
                    functions.extend(hints);
                    hinted += 1;
                }
                function += 1;
            }
            _ => {}
        }
        end = section.map_or(end, |(_, range)| range.end);
    }
    if hinted == 0 || counts.next().is_some() {
        bail!("the counts do not belong to the branches of the Worker");
    }
    let code = code.context("the wasm file has no code")?;
    let mut data = Vec::new();
    hinted.encode(&mut data);
    data.extend(functions);
    let (before, after) = wasm.split_at_checked(code).context("the code begins after the end of the file")?;
    let mut with_hints = before.to_vec();
    CustomSection { name: SECTION.into(), data: data.into() }.append_to(&mut with_hints);
    with_hints.extend_from_slice(after);
    Ok(with_hints)
}

/// The hint for a branch: 0 if it is unlikely to be taken, 1 if it is likely.
fn hint((not_taken, taken): Count) -> Option<u8> {
    if taken * RARE < not_taken {
        Some(0)
    } else if not_taken * RARE < taken {
        Some(1)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use wasmparser::{Operator, Parser, Payload};

    use super::{counting, hinted};

    /// `(type (func (param i32) (result i32)))`, and the type of the function that counts.
    const TYPES: &[u8] = &[1, 12, 2, 0x60, 1, 0x7F, 1, 0x7F, 0x60, 2, 0x7F, 0x7F, 1, 0x7F];
    /// `(import "m" "f" (func (type 0)))`
    const IMPORTS: &[u8] = &[2, 7, 1, 1, b'm', 1, b'f', 0, 0];
    const FUNCTIONS: &[u8] = &[3, 2, 1, 0];
    /// `(if (local.get 0) (then (return (i32.const 1))))`,
    /// `(block $b (br_if $b (local.get 0)))`, `(call 1 (i32.const 2))`
    const CODE: &[u8] = &[
        10, 23, 1, 21, 0, 0x20, 0, 0x04, 0x40, 0x41, 1, 0x0F, 0x0B, 0x02, 0x40, 0x20, 0, 0x0D, 0, 0x0B, 0x41,
        2, 0x10, 1, 0x0B,
    ];

    fn module() -> Vec<u8> {
        [b"\0asm\x01\0\0\0", TYPES, IMPORTS, FUNCTIONS, CODE].concat()
    }

    #[test]
    fn hints_come_before_the_code_with_the_offsets_of_their_branches() {
        let hints = [&[0, 35, 25], b"metadata.code.branch_hint".as_slice(), &[1, 1, 2, 3, 1, 0, 13, 1, 1]];
        let expected = [b"\0asm\x01\0\0\0", TYPES, IMPORTS, FUNCTIONS, &hints.concat(), CODE].concat();
        let counts = [(1000, 9), (0, 1)];
        assert_eq!(hinted(&module(), &counts).expect("there are hints"), expected);
    }

    #[test]
    fn a_branch_that_goes_both_ways_has_no_hint_and_counts_of_another_file_are_an_error() {
        let one = hinted(&module(), &[(99, 1), (1, 101)]).expect("one is likely");
        assert!(one.windows(6).any(|bytes| bytes == [1, 1, 1, 13, 1, 1]), "{one:?}");
        assert!(hinted(&module(), &[(1, 1), (0, 0)]).is_err(), "nothing is rare");
        assert!(hinted(&module(), &[(1, 0), (1, 0), (1, 0)]).is_err(), "there are two branches");
    }

    #[test]
    fn the_counting_version_calls_the_last_import_before_each_branch() {
        let counting = counting(&module()).expect("it has the type");
        let mut operators = Vec::new();
        for payload in Parser::new(0).parse_all(&counting) {
            if let Payload::CodeSectionEntry(body) = payload.expect("it is wasm") {
                let reader = body.get_operators_reader().expect("it has operators");
                operators = reader.into_iter().collect::<Result<Vec<_>, _>>().expect("they are wasm");
            }
        }
        let branches: Vec<_> = operators
            .windows(3)
            .filter_map(|window| match window {
                [Operator::I32Const { value }, Operator::Call { function_index: 1 }, branch] => Some((
                    *value,
                    matches!(branch, Operator::If { .. }),
                    matches!(branch, Operator::BrIf { .. }),
                )),
                _ => None,
            })
            .collect();
        assert_eq!(branches, [(0, true, false), (1, false, true)]);
        let calls =
            operators.iter().filter(|operator| matches!(operator, Operator::Call { function_index: 2 }));
        assert_eq!(calls.count(), 1, "the function itself has another index");
    }
}
