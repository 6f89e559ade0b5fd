//! An optimised program, indexed for walking.

use std::collections::HashMap;

use prost::Message;
use xla_sys::OptimizedProgram;

use super::proto::{self, Instruction, Shape};

/// An optimised program: computations by id, each with its instructions by id.
pub(super) struct Module {
    computations: HashMap<i64, Computation>,
    entry: i64,
}

/// A list of instructions, operands before their users.
pub(super) struct Computation {
    pub instructions: Vec<Instruction>,
    by_id: HashMap<i64, usize>,
    root: usize,
}

impl Module {
    /// Decodes what a plugin hands out.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn decode(program: &OptimizedProgram) -> Result<Module, String> {
        let module = match program.format.as_str() {
            "hlo_with_config" => proto::ModuleWithConfig::decode(program.code.as_slice())
                .map(|program| program.hlo_module.unwrap_or_default()),
            "hlo" => proto::Module::decode(program.code.as_slice()),
            other => return Err(format!("it is in the format `{other}`, not `hlo_with_config` or `hlo`")),
        };
        let module = module.map_err(|error| format!("it is no HLO module: {error}"))?;
        let entry = module.entry_computation_id;
        let mut computations = HashMap::new();
        for proto in module.computations {
            let by_id: HashMap<i64, usize> =
                proto.instructions.iter().enumerate().map(|(index, each)| (each.id, index)).collect();
            let root = by_id.get(&proto.root_id).copied();
            let root =
                root.ok_or_else(|| format!("computation `{}` lacks its root instruction", proto.name))?;
            let computation = Computation { instructions: proto.instructions, by_id, root };
            computations.insert(proto.id, computation);
        }
        let module = Module { computations, entry };
        module.check()?;
        Ok(module)
    }

    /// Every name refers to something, and no computation calls itself, however indirectly: walks end.
    fn check(&self) -> Result<(), String> {
        if !self.computations.contains_key(&self.entry) {
            return Err("the entry computation is missing".into());
        }
        for instruction in self.computations.values().flat_map(|each| &each.instructions) {
            for called in &instruction.called_computation_ids {
                if !self.computations.contains_key(called) {
                    return Err(format!("`{}` calls a computation that is missing", instruction.name));
                }
            }
        }
        let mut finished = HashMap::new();
        self.check_calls(self.entry, &mut finished)
    }

    /// `finished`: false while a computation's own calls are looked at.
    fn check_calls(&self, id: i64, finished: &mut HashMap<i64, bool>) -> Result<(), String> {
        match finished.insert(id, false) {
            None => {}
            Some(true) => {
                finished.insert(id, true);
                return Ok(());
            }
            Some(false) => return Err("a computation calls itself".into()),
        }
        for instruction in &self.computations[&id].instructions {
            for &called in &instruction.called_computation_ids {
                self.check_calls(called, finished)?;
            }
        }
        finished.insert(id, true);
        Ok(())
    }

    /// Where the program starts.
    pub fn entry(&self) -> &Computation {
        &self.computations[&self.entry]
    }

    /// The computation an instruction calls at this position.
    pub fn called(&self, instruction: &Instruction, position: usize) -> Option<&Computation> {
        self.computations.get(instruction.called_computation_ids.get(position)?)
    }

    /// Whether an instruction of the computation, or of one it calls, is what is looked for.
    pub fn contains(&self, computation: &Computation, wanted: &dyn Fn(&Instruction) -> bool) -> bool {
        computation.instructions.iter().any(|instruction| {
            wanted(instruction)
                || instruction
                    .called_computation_ids
                    .iter()
                    .any(|id| self.computations.get(id).is_some_and(|called| self.contains(called, wanted)))
        })
    }
}

impl Computation {
    /// The instruction with an id.
    pub fn get(&self, id: i64) -> Option<&Instruction> {
        self.by_id.get(&id).map(|&index| &self.instructions[index])
    }

    /// An instruction's operand.
    pub fn operand(&self, instruction: &Instruction, position: usize) -> Option<&Instruction> {
        self.get(*instruction.operand_ids.get(position)?)
    }

    /// The instruction whose value the computation returns.
    pub fn root(&self) -> &Instruction {
        &self.instructions[self.root]
    }

    /// Bytes of all operands of an instruction.
    pub fn operand_bytes(&self, instruction: &Instruction) -> u64 {
        let operands = instruction.operand_ids.iter().filter_map(|&id| self.get(id));
        operands.filter_map(|operand| operand.shape.as_ref()).map(Shape::bytes).sum()
    }
}
