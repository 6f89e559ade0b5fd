//! What the builder refuses beyond the type rules of each op, which `verify.rs` and the file tests show.

use graph::{Builder, DType, Error, Tensor, TensorType};

fn vector(b: &Builder, name: &str) -> Tensor {
    b.param(name, TensorType::new(DType::F32, [3]), &[])
}

#[test]
fn a_tensor_of_another_builder_is_no_operand() {
    let (ours, theirs) = (Builder::new("ours"), Builder::new("theirs"));
    let (x, y) = (vector(&ours, "x"), vector(&theirs, "y"));
    let _scope = ours.scope("layer");
    let error = ours.add(x, y).unwrap_err().to_string();
    assert_eq!(
        error,
        "add in `layer`: operand 1 belongs to another function; pass it into the scan as a constant"
    );
}

#[test]
fn a_tensor_of_another_builder_is_no_output() {
    let (ours, theirs) = (Builder::new("ours"), Builder::new("theirs"));
    let (x, y) = (vector(&ours, "x"), vector(&theirs, "y"));
    ours.output("x", x);
    ours.output("y", y);
    assert!(matches!(ours.finish(), Err(Error::ForeignTensor { op: "output", .. })));
}

#[test]
fn elementwise_operands_are_aligned_at_the_last_dimension() {
    let b = Builder::new("f");
    let matrix = b.param("matrix", TensorType::new(DType::F32, [2, 3]), &[]);
    let column = b.param("column", TensorType::new(DType::F32, [2, 1]), &[]);
    let shape = |sum: Result<Tensor, Error>| sum.map(|sum| b.shape(sum)).map_err(|error| error.to_string());
    assert_eq!(shape(b.add(matrix, vector(&b, "row"))), Ok(vec![2, 3]));
    assert_eq!(shape(b.add(column, vector(&b, "other_row"))), Ok(vec![2, 3]));
    let long = b.param("long", TensorType::new(DType::F32, [4]), &[]);
    assert!(shape(b.add(matrix, long)).is_err());
}

#[test]
fn einsum_orders_its_result_as_written() {
    let b = Builder::new("f");
    let x = b.param("x", TensorType::new(DType::F32, [2, 3, 4]), &[]);
    let y = b.param("y", TensorType::new(DType::F32, [2, 5, 4]), &[]);
    let shape = |equation: &str| b.einsum(equation, x, y).map(|z| b.shape(z)).map_err(|e| e.to_string());
    assert_eq!(shape("bik,bjk->bij"), Ok(vec![2, 3, 5]));
    assert_eq!(shape("bik,bjk->bji"), Ok(vec![2, 5, 3]));
    assert_eq!(shape("bik,bjk->ibj"), Ok(vec![3, 2, 5]));
    for (equation, reason) in [
        ("bik,bjk", "has no `->`"),
        ("bik->bi", "needs two operands separated by `,`"),
        ("bii,bjk->bj", "the left part has an invalid or repeated letter"),
        ("bik,bjk->bz", "a letter of the result is in no operand"),
        ("bik,bjk->bj", "sums over `i` of one operand alone"),
        ("ik,bjk->bij", "does not fit f32[2,3,4] and f32[2,5,4]"),
    ] {
        assert_eq!(shape(equation), Err(format!("einsum: `{equation}` {reason}")));
    }
}
