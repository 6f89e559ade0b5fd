//! Matmul FLOPs: the multiplications and additions of dots and convolutions in a program, whatever the hardware makes of
//! them.

use super::module::{Computation, Module};
use super::proto::{Instruction, WindowDimension};

impl Module {
    /// Floating-point operations of the dots and convolutions of a computation and of those it calls; a
    /// multiply-add counts as two.
    pub fn matmul_flops(&self, computation: &Computation) -> f64 {
        let each = |instruction: &Instruction| {
            let called = (0..instruction.called_computation_ids.len())
                .filter_map(|position| self.called(instruction, position))
                .map(|called| self.matmul_flops(called));
            flops(computation, instruction) + called.sum::<f64>()
        };
        computation.instructions.iter().map(each).sum()
    }
}

/// Floating-point operations of one instruction, if it is a dot or a convolution; else 0.
pub(super) fn flops(computation: &Computation, instruction: &Instruction) -> f64 {
    let multiply_adds = match instruction.opcode.as_str() {
        "dot" => dot(computation, instruction),
        "convolution" => convolution(computation, instruction),
        _ => None,
    };
    2.0 * multiply_adds.unwrap_or(0.0)
}

pub(super) fn is_matmul(instruction: &Instruction) -> bool {
    matches!(instruction.opcode.as_str(), "dot" | "convolution")
}

fn dot(computation: &Computation, instruction: &Instruction) -> Option<f64> {
    let numbers = instruction.dot_dimension_numbers.as_ref()?;
    let left = computation.operand(instruction, 0)?.shape.as_ref()?;
    let contracted = numbers.lhs_contracting_dimensions.iter().map(|&dim| left.dim(dim) as f64);
    Some(instruction.shape.as_ref()?.elements() as f64 * contracted.product::<f64>())
}

fn convolution(computation: &Computation, instruction: &Instruction) -> Option<f64> {
    let numbers = instruction.convolution_dimension_numbers.as_ref()?;
    let output = instruction.shape.as_ref()?;
    let input = computation.operand(instruction, 0)?.shape.as_ref()?;
    let kernel = computation.operand(instruction, 1)?.shape.as_ref()?;
    let batch = output.dim(numbers.output_batch_dimension) as f64;
    let features = output.dim(numbers.output_feature_dimension) as f64;
    let mut multiply_adds = batch * features * kernel.dim(numbers.kernel_input_feature_dimension) as f64;
    let window = instruction.window.as_ref().map(|window| window.dimensions.as_slice()).unwrap_or_default();
    for (position, dimension) in window.iter().enumerate() {
        let input = input.dim(*numbers.input_spatial_dimensions.get(position)?);
        let output = output.dim(*numbers.output_spatial_dimensions.get(position)?);
        multiply_adds *= pairs(dimension, input as i64, output as i64);
    }
    Some(multiply_adds)
}

/// How many pairs of an output position and a window position of one dimension fall on an element of the input, not on
/// padding or between dilated elements. The TPU compiler writes batch dimensions of matmuls as such windows.
/// Sizes that no array in memory has count as nothing.
fn pairs(window: &WindowDimension, input: i64, output: i64) -> f64 {
    let WindowDimension { size, stride, padding_low, window_dilation, base_dilation, .. } = *window;
    let numbers = [size, stride, padding_low, window_dilation, base_dilation, input, output];
    if numbers.iter().any(|number| number.unsigned_abs() > 1 << 24) {
        return 0.0;
    }
    let (stride, spread) = (window.stride.max(1), window.base_dilation.max(1));
    let reach = (input - 1) * spread;
    let hits = |position: i64| -> i64 {
        let offset = position * window.window_dilation.max(1) - window.padding_low;
        // Output positions `o` with 0 <= o * stride + offset <= reach.
        let first = (-offset).max(0).div_euclid(stride) + i64::from((-offset).max(0) % stride != 0);
        let last = if reach < offset { -1 } else { (reach - offset) / stride };
        let (first, last) = (first, last.min(output - 1));
        if spread == 1 {
            (last - first + 1).max(0)
        } else {
            (first..=last).filter(|o| (o * stride + offset).rem_euclid(spread) == 0).count() as i64
        }
    };
    if input < 1 { 0.0 } else { (0..window.size).map(hits).sum::<i64>() as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_positions_are_counted_as_one_by_one() {
        let check = |size, stride, padding_low, window_dilation, base_dilation, input: i64, output: i64| {
            let window = WindowDimension {
                size,
                stride,
                padding_low,
                window_dilation,
                base_dilation,
                window_reversal: false,
            };
            let mut expected = 0;
            for o in 0..output {
                for k in 0..size {
                    let index = o * stride + k * window_dilation - padding_low;
                    let inside = index >= 0 && index <= (input - 1) * base_dilation;
                    expected += i64::from(inside && index % base_dilation == 0);
                }
            }
            assert_eq!(pairs(&window, input, output), expected as f64, "{window:?} {input} {output}");
        };
        check(1, 1, 0, 1, 1, 7, 7);
        check(3, 1, 1, 1, 1, 7, 7);
        check(3, 2, 1, 2, 1, 9, 4);
        // A batch of 8 as a window: each output position meets one input.
        check(8, 7, 0, 1, 8, 8, 8);
        check(4, 1, 3, 1, 2, 5, 10);
        check(2, 3, 5, 1, 1, 4, 6);
    }
}
