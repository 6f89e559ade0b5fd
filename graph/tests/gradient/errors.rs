//! What cannot be differentiated is refused with its type; what does not matter has derivative 0.

use graph::{Builder, DType, Tensor, TensorType};

fn param(b: &Builder, name: &str, dtype: DType, shape: &[usize]) -> Tensor {
    b.param(name, TensorType::new(dtype, shape), &[])
}

fn check(b: &Builder, loss: Tensor, wrt: &[Tensor], expected: &str) {
    assert_eq!(graph::gradient(b, loss, wrt).unwrap_err().to_string(), expected);
}

#[test]
fn refusals() {
    let b = Builder::new("refusals");
    let x = param(&b, "x", DType::F32, &[2]);
    let loss = b.sum(x, &[0]).unwrap();
    let count = param(&b, "count", DType::I32, &[]);
    let mask = param(&b, "mask", DType::Pred, &[2]);
    check(&b, x, &[x], "gradient: the differentiated value is f32[2], not a float scalar");
    check(&b, count, &[x], "gradient: the differentiated value is i32[], not a float scalar");
    check(&b, loss, &[x, count], "gradient: a i32[] has no derivative; only floats have");
    check(&b, loss, &[mask], "gradient: a pred[2] has no derivative; only floats have");
    let other = Builder::new("other");
    let foreign = param(&other, "x", DType::F32, &[2]);
    let foreign_loss = other.sum(foreign, &[0]).unwrap();
    let message = |operand| {
        format!(
            "gradient: operand {operand} belongs to another function; pass it into the scan as a constant"
        )
    };
    check(&b, foreign_loss, &[x], &message(0));
    check(&b, loss, &[x, foreign], &message(2));
}

#[test]
fn zero_where_the_loss_does_not_depend_on_it() {
    let b = Builder::new("zeros");
    let x = param(&b, "x", DType::F32, &[2]);
    let unused = param(&b, "unused", DType::BF16, &[3]);
    let stopped = param(&b, "stopped", DType::F64, &[]);
    let through = b.convert(b.stop_gradient(stopped).unwrap(), DType::F32).unwrap();
    let loss = b.sum(b.mul(x, through).unwrap(), &[0]).unwrap();
    let gradient = graph::gradient(&b, loss, &[unused, stopped, loss, x, x]).unwrap();
    assert_eq!(gradient[3], gradient[4], "the same variable, the same derivative");
    for (index, tensor) in gradient.into_iter().enumerate() {
        b.output(format!("d{index}"), tensor);
    }
    let function = crate::common::finish(b);
    let types: Vec<_> = function.result_types().iter().map(TensorType::to_string).collect();
    assert_eq!(types, ["bf16[3]", "f64[]", "f32[]", "f32[2]", "f32[2]"]);
    let inputs: Vec<_> = function
        .param_types()
        .into_iter()
        .map(|ty| graph::Literal::from_floats(ty.clone(), vec![2.0; ty.elements()]).unwrap())
        .collect();
    let found = crate::common::run(&function, &inputs);
    assert_eq!(found, [vec![0.0; 3], vec![0.0], vec![1.0], vec![2.0; 2], vec![2.0; 2]]);
}

#[test]
fn nothing_asked_nothing_added() {
    let b = Builder::new("nothing");
    let x = param(&b, "x", DType::F32, &[]);
    let loss = b.sin(x).unwrap();
    assert!(graph::gradient(&b, loss, &[]).unwrap().is_empty());
    b.output("loss", loss);
    assert_eq!(crate::common::finish(b).node_count(), 1);
}
