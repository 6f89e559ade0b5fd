//! The inputs of a compiled program, read from the optimised program itself.
//!
//! PJRT has no call for them, and they differ from those of the source once a program is split into partitions.
//! Source of the field numbers: xla/service/hlo.proto and xla/xla_data.proto.

use crate::array::ElementType;
use crate::wire::{Field, Reader};
use crate::{ArrayType, OptimizedProgram};

/// The inputs of a compiled program, as the plugin reports them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature {
    /// The types per device.
    pub inputs: Vec<ArrayType>,
    /// The inputs whose memory outputs may take, ascending.
    pub donated: Vec<usize>,
}

/// None if the program is in another format, or has inputs that are no arrays of a supported type.
pub(crate) fn of(program: &OptimizedProgram) -> Option<Signature> {
    let module = match program.format.as_str() {
        // HloModuleProtoWithConfig.hlo_module
        "hlo_with_config" => Reader::all_bytes(&program.code, 1).next()?,
        "hlo" => &program.code,
        _ => return None,
    };
    // HloModuleProto.host_program_shape, ProgramShapeProto.parameters
    let shape = Reader::all_bytes(module, 4).next()?;
    let inputs = Reader::all_bytes(shape, 1).map(array_type).collect::<Option<_>>()?;
    let mut donated = Vec::new();
    // HloModuleProto.input_output_alias.entries: AliasEntryProto.parameter_number
    for aliases in Reader::all_bytes(module, 8) {
        donated.extend(Reader::all_bytes(aliases, 1).map(|entry| int(entry, 2)));
    }
    // HloModuleProto.buffer_donor.entries: BufferDonorEntryProto.parameter_number
    for donors in Reader::all_bytes(module, 18) {
        donated.extend(Reader::all_bytes(donors, 1).map(|entry| int(entry, 1)));
    }
    donated.sort_unstable();
    donated.dedup();
    Some(Signature { inputs, donated })
}

/// ShapeProto: element_type, dimensions.
fn array_type(shape: &[u8]) -> Option<ArrayType> {
    let element_type = ElementType::from_primitive_type(int(shape, 2) as u64)?;
    let dims = Reader::all_ints(shape, 3).into_iter().map(|dim| usize::try_from(dim as i64));
    Some(ArrayType { element_type, dims: dims.collect::<Result<_, _>>().ok()? })
}

/// The last value of an integer field, as protocol buffers define it; 0 if it is absent.
fn int(message: &[u8], field: u32) -> usize {
    let ints = Reader::new(message).filter_map(|(number, value)| match value {
        Field::Int(int) if number == field => usize::try_from(int).ok(),
        _ => None,
    });
    ints.last().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Writer;

    fn program() -> OptimizedProgram {
        let mut with_config = Writer::default();
        with_config.message(1, |module| {
            module.bytes(1, b"main").message(4, |shape| {
                shape.message(1, |parameter| {
                    parameter.int(2, 11).int(3, 2).int(3, 3);
                });
                shape.message(1, |parameter| {
                    parameter.int(2, 16);
                });
            });
            module.message(8, |aliases| {
                aliases.message(1, |entry| {
                    entry.int(2, 1);
                });
            });
            module.message(18, |donors| {
                // Field 1 is absent: parameter number 0.
                donors.message(1, |_| {});
            });
        });
        OptimizedProgram { format: "hlo_with_config".into(), code: with_config.into_bytes() }
    }

    #[test]
    fn reads_inputs_and_donations() {
        let inputs = vec![ArrayType::new(ElementType::F32, [2, 3]), ArrayType::scalar(ElementType::Bf16)];
        assert_eq!(of(&program()), Some(Signature { inputs, donated: vec![0, 1] }));
    }

    #[test]
    fn gives_up_on_what_it_does_not_know() {
        let mut tuple = Writer::default();
        tuple.message(4, |shape| {
            shape.message(1, |parameter| {
                parameter.int(2, 13);
            });
        });
        assert_eq!(of(&OptimizedProgram { format: "hlo".into(), code: tuple.into_bytes() }), None);
        assert_eq!(of(&OptimizedProgram { format: "mlir".into(), ..program() }), None);
        assert_eq!(of(&OptimizedProgram { format: "hlo".into(), code: vec![0xff; 20] }), None);
    }
}
