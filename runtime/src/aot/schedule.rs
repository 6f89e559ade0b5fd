//! A second clock: the bundles of the TPU compiler's final schedule.
//!
//! A bundle is what the core starts in one cycle. The compiler writes the bundles of each operation to a file if it is asked
//! to ([`flags`]), nested in loops whose tests name how often they run; their sum is how long the operation takes if it never
//! waits. Where bytes of memory take longer, those count. The clock leaves out waits for data and for other devices, copies that go
//! on beside the rest, and counts every branch as taken; the other one, `estimated_cycles`, charges what is no product up to
//! thirty times its bundles.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::module::{Computation, Module};
use super::proto::{Instruction, Shape};

/// What the names of files of bundles end with.
const ENDING: &str = "-final_bundles.txt";
/// Other files, of which the names end so too.
const ANALYSIS: &str = "-schedule-analysis_final_bundles.txt";

/// The flags, for `LIBTPU_INIT_ARGS`, by which the compiler writes its final schedule into a folder.
pub(super) fn flags(folder: &Path) -> String {
    format!(
        "--xla_jf_dump_to={} --xla_jf_dump_llo_text=true --xla_jf_dump_llo_pass_label_regex=final_bundles",
        folder.display()
    )
}

/// The schedule of a program: bundles of each operation, by its name.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    bundles: HashMap<String, f64>,
}

impl Schedule {
    /// Reads what the compiler wrote into a folder; `None` if it wrote none, or none that can be read.
    pub fn read(folder: &Path) -> Option<Schedule> {
        let mut bundles = HashMap::new();
        for entry in fs::read_dir(folder).ok()?.flatten() {
            let file = entry.file_name();
            let Some(name) = file.to_str().and_then(operation) else { continue };
            // A file that is not all text is none that the compiler wrote.
            let Ok(text) = fs::read_to_string(entry.path()) else { continue };
            bundles.insert(name.to_owned(), count(&text));
        }
        (!bundles.is_empty()).then_some(Schedule { bundles })
    }

    /// Bundles of an operation, or of one execution of it.
    pub fn of(&self, name: &str) -> Option<f64> {
        self.bundles.get(name).copied()
    }
}

/// The operation that a file is of: `fusion.302` of `1796-fusion.302-01-final_bundles.txt`.
fn operation(file: &str) -> Option<&str> {
    if file.ends_with(ANALYSIS) {
        return None;
    }
    let (_, rest) = file.strip_suffix(ENDING)?.split_once('-')?;
    let (name, _) = rest.rsplit_once('-')?;
    // Parts of the program that are no operation.
    (!name.starts_with('<') && name != "TLP").then_some(name)
}

/// Bundles that are run, loops multiplied out. A loop whose test compares with no constant counts once.
fn count(text: &str) -> f64 {
    // Of the loops that are open, outermost first; the first is the whole.
    let mut open = vec![0.0];
    for line in text.lines() {
        let Some((depth, begins)) = place(line) else { continue };
        if begins && depth == open.len() {
            open.push(0.0);
        }
        // Delay slots of a branch lie outside of their loop.
        let last = open.len() - 1;
        open[last.min(depth)] += 1.0;
        if line.contains("/* loop exit test") && depth == last && last > 0 {
            let inside = open.pop().unwrap_or_default();
            open[last - 1] += inside * trips(line).unwrap_or(1.0);
        }
    }
    open.iter().sum()
}

/// The depth of the loops that a bundle lies in, and whether it begins one; `None` if the line is none of a bundle.
fn place(line: &str) -> Option<(usize, bool)> {
    let (before, _) = line.split_once('{')?;
    let (address, loops) = before.split_once(':')?;
    let mut words = address.split_whitespace();
    let number = words.next()?;
    let digits = number.strip_prefix("0x").unwrap_or(number);
    let depth = loops.trim().len();
    let is_bundle = u64::from_str_radix(digits, 16).is_ok() && loops.trim().bytes().all(|byte| byte == b'>');
    is_bundle.then(|| (depth, words.any(|word| word == "LB")))
}

/// How often a loop runs, from the line of its test: 8 in `scmp.ge.s32.totalorder %s10, 8 /* loop exit test */`.
fn trips(line: &str) -> Option<f64> {
    let (before, _) = line.split_once("/* loop exit test")?;
    let (_, comparison) = before.rsplit_once("scmp.ge.")?;
    let (_, limit) = comparison.rsplit_once(',')?;
    limit.trim().parse::<u32>().ok().map(f64::from)
}

/// Bytes of device memory that one execution of an operation reads and writes: of what lies in the core's own memory none, of
/// what is sliced or updated in place the part. Of a custom call, which may but name memory, nothing is known.
pub(super) fn memory_bytes(module: &Module, computation: &Computation, instruction: &Instruction) -> u64 {
    if instruction.opcode == "custom-call" {
        return 0;
    }
    let fused = (instruction.opcode == "fusion").then(|| module.called(instruction, 0)).flatten();
    let read = |position: usize, operand: &Instruction| {
        let whole = in_memory(operand);
        let part = fused.and_then(|fused| part_read(module, fused, position));
        part.map_or(whole, |part| part.min(whole))
    };
    let operands = instruction.operand_ids.iter().filter_map(|&id| computation.get(id)).enumerate();
    let read: u64 = operands.map(|(position, operand)| read(position, operand)).sum();
    let written = match fused {
        Some(fused) => written(fused, fused.root()).min(in_memory(instruction)),
        None => in_memory(instruction),
    };
    read.saturating_add(written)
}

/// Bytes that a fusion writes of a result: of what it updates in place, the part.
fn written(fused: &Computation, result: &Instruction) -> u64 {
    match result.opcode.as_str() {
        "tuple" => {
            let parts = result.operand_ids.iter().filter_map(|&id| fused.get(id));
            parts.map(|part| written(fused, part)).sum()
        }
        "bitcast" => fused.operand(result, 0).map_or(0, |operand| written(fused, operand)),
        "dynamic-update-slice" => {
            fused.operand(result, 1).and_then(|part| part.shape.as_ref()).map_or(0, Shape::bytes)
        }
        _ => in_memory(result),
    }
}

/// Bytes of a value that lies in device memory, and not in the core's.
fn in_memory(instruction: &Instruction) -> u64 {
    fn of(shape: &Shape) -> u64 {
        if shape.tuple_shapes.is_empty() {
            let is_outside = shape.layout.as_ref().is_none_or(|layout| layout.memory_space == 0);
            return if is_outside { shape.bytes() } else { 0 };
        }
        shape.tuple_shapes.iter().map(of).sum()
    }
    instruction.shape.as_ref().map_or(0, of)
}

/// Bytes that a fusion reads of a parameter, if it but slices it, or updates it in place.
fn part_read(module: &Module, fused: &Computation, position: usize) -> Option<u64> {
    let is_parameter = |each: &&Instruction| {
        each.opcode == "parameter" && usize::try_from(each.parameter_number) == Ok(position)
    };
    sliced(module, fused, fused.instructions.iter().find(is_parameter)?.id)
}

/// Bytes that a computation reads of a value, if it but slices it, or updates it in place.
fn sliced(module: &Module, computation: &Computation, value: i64) -> Option<u64> {
    let mut bytes = 0u64;
    for user in computation.instructions.iter().filter(|user| user.operand_ids.contains(&value)) {
        let first = user.operand_ids.first() == Some(&value);
        bytes += match user.opcode.as_str() {
            "dynamic-slice" | "slice" if first => user.shape.as_ref().map_or(0, Shape::bytes),
            "dynamic-update-slice" if first => 0,
            "bitcast" => sliced(module, computation, user.id)?,
            "fusion" => {
                let called = module.called(user, 0)?;
                let uses = user.operand_ids.iter().enumerate().filter(|(_, operand)| **operand == value);
                uses.map(|(position, _)| part_read(module, called, position)).sum::<Option<u64>>()?
            }
            _ => return None,
        };
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_of_operations() {
        assert_eq!(operation("1796-fusion.302-01-final_bundles.txt"), Some("fusion.302"));
        assert_eq!(operation("17-dynamic-slice_fusion-01-final_bundles.txt"), Some("dynamic-slice_fusion"));
        for other in [
            "1796-fusion.302-00-schedule-analysis_final_bundles.txt",
            "1796-TLP-01-final_bundles.txt",
            "1796-<late-finalization>-01-final_bundles.txt",
            "final_bundles.txt",
            "",
        ] {
            assert_eq!(operation(other), None, "{other}");
        }
    }

    /// Two bundles, a loop of 8 with three of its own and in it one of 4 with two, and two at the end.
    const NESTED: &str = "\
LB: loop body
     0   :  { %s0 = smov.u32 0 }
   0x1   :  {}
   0x2 LB: > { %s1 = sadd.s32 1, %s0 }
   0x3   : > { %v2 = vld [vmem:[%s1] sm:$0xff]  ;;  %s9 = scmp.ge.s32.totalorder %s1, 3 }
   0x4 LB: >> { %v3 = vadd.f32 %v2, %v2 }
   0x5   : >> { %p4 = scmp.ge.s32.totalorder %s3, 4 /* loop exit test */ } /* End region 2 */
   0x6   : > { %p5 = scmp.ge.s32.totalorder %s1, 8 /* loop exit test */  ;;  %s0 = smov.u32 %s1 }
   0x7   :  { %9 = sbr.rel (!%p5) target = $region4 }
   0x8   :  {} /* exit bundle: %fusion = fusion(%a) */
";

    #[test]
    fn loops_are_multiplied_out() {
        assert_eq!(count(NESTED), 2.0 + 8.0 * (3.0 + 4.0 * 2.0) + 2.0);
        // A test against something that is no constant.
        assert_eq!(count(&NESTED.replace("%s1, 8 /*", "%s1, %s7 /*")), 2.0 + (3.0 + 8.0) + 2.0);
        // Cut off in a loop, and no text of bundles at all.
        let (cut, _) = NESTED.split_once("   0x6").unwrap();
        assert_eq!(count(cut), 2.0 + 2.0 + 8.0);
        assert_eq!(count("0x1 : [] \n { } : \n: > {\n0xzz : {}\n"), 0.0);
    }

    #[test]
    fn a_folder_without_a_schedule_has_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Schedule::read(folder.path()).is_none());
        assert!(Schedule::read(&folder.path().join("none")).is_none());
        fs::write(folder.path().join("1-copy.3-01-final_bundles.txt"), NESTED).unwrap();
        fs::write(folder.path().join("1-add-01-final_bundles.txt"), [0xff, 0xfe]).unwrap();
        let schedule = Schedule::read(folder.path()).unwrap();
        assert_eq!((schedule.of("copy.3"), schedule.of("add")), (Some(92.0), None));
    }
}
