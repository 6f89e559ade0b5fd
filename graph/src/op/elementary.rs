//! Functions of single elements: what elementwise ops compute, and how reductions combine.

/// Elementwise function of one operand; the result has the operand's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unary {
    /// `-x`; floats and integers.
    Neg,
    /// `|x|`; floats and signed integers.
    Abs,
    /// -1, 0 or 1; floats and signed integers.
    Sign,
    /// `e^x`; floats.
    Exp,
    /// Natural logarithm; floats.
    Log,
    /// Hyperbolic tangent; floats.
    Tanh,
    /// `1 / (1 + e^-x)`; floats.
    Logistic,
    /// Square root; floats.
    Sqrt,
    /// `1 / sqrt(x)`; floats.
    Rsqrt,
    /// Sine of radians; floats.
    Sin,
    /// Cosine of radians; floats.
    Cos,
    /// Largest integral value not above `x`; floats.
    Floor,
    /// Logical or bitwise complement; booleans and integers.
    Not,
    /// Whether the value is neither infinite nor NaN; floats, result `pred`.
    IsFinite,
}

impl Unary {
    /// Every variant, in declaration order.
    pub const ALL: [Unary; 14] = [
        Unary::Neg,
        Unary::Abs,
        Unary::Sign,
        Unary::Exp,
        Unary::Log,
        Unary::Tanh,
        Unary::Logistic,
        Unary::Sqrt,
        Unary::Rsqrt,
        Unary::Sin,
        Unary::Cos,
        Unary::Floor,
        Unary::Not,
        Unary::IsFinite,
    ];

    /// Name in the text form.
    pub fn name(self) -> &'static str {
        match self {
            Unary::Neg => "neg",
            Unary::Abs => "abs",
            Unary::Sign => "sign",
            Unary::Exp => "exp",
            Unary::Log => "log",
            Unary::Tanh => "tanh",
            Unary::Logistic => "logistic",
            Unary::Sqrt => "sqrt",
            Unary::Rsqrt => "rsqrt",
            Unary::Sin => "sin",
            Unary::Cos => "cos",
            Unary::Floor => "floor",
            Unary::Not => "not",
            Unary::IsFinite => "is_finite",
        }
    }
}

/// Elementwise function of two operands of one type; the result has that type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binary {
    /// Sum; integers wrap.
    Add,
    /// Difference; integers wrap.
    Sub,
    /// Product; integers wrap.
    Mul,
    /// Quotient; integers truncate towards zero. Division of an integer by zero gives -1 (all bits set); XLA, however,
    /// takes `x / x` for 1 whatever `x` is.
    Div,
    /// Remainder with the sign of the dividend; integers only. By zero it gives the dividend.
    Rem,
    /// `x^y`; floats.
    Pow,
    /// The larger; NaN if either is NaN.
    Max,
    /// The smaller; NaN if either is NaN.
    Min,
    /// Logical or bitwise and; booleans and integers.
    And,
    /// Logical or bitwise or; booleans and integers.
    Or,
    /// Logical or bitwise exclusive or; booleans and integers.
    Xor,
    /// `x << y`; integers. A shift by the width or more gives 0.
    ShiftLeft,
    /// Unsigned `x >> y`, zeros shifted in; integers. A shift by the width or more gives 0.
    ShiftRight,
}

impl Binary {
    /// Every variant, in declaration order.
    pub const ALL: [Binary; 13] = [
        Binary::Add,
        Binary::Sub,
        Binary::Mul,
        Binary::Div,
        Binary::Rem,
        Binary::Pow,
        Binary::Max,
        Binary::Min,
        Binary::And,
        Binary::Or,
        Binary::Xor,
        Binary::ShiftLeft,
        Binary::ShiftRight,
    ];

    /// Name in the text form.
    pub fn name(self) -> &'static str {
        match self {
            Binary::Add => "add",
            Binary::Sub => "sub",
            Binary::Mul => "mul",
            Binary::Div => "div",
            Binary::Rem => "rem",
            Binary::Pow => "pow",
            Binary::Max => "max",
            Binary::Min => "min",
            Binary::And => "and",
            Binary::Or => "or",
            Binary::Xor => "xor",
            Binary::ShiftLeft => "shift_left",
            Binary::ShiftRight => "shift_right",
        }
    }
}

/// Direction of an elementwise comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `x == y`
    Eq,
    /// `x != y`
    Ne,
    /// `x < y`
    Lt,
    /// `x <= y`
    Le,
    /// `x > y`
    Gt,
    /// `x >= y`
    Ge,
}

impl Comparison {
    /// Every variant, in declaration order.
    pub const ALL: [Comparison; 6] =
        [Comparison::Eq, Comparison::Ne, Comparison::Lt, Comparison::Le, Comparison::Gt, Comparison::Ge];

    /// Name in the text form.
    pub fn name(self) -> &'static str {
        match self {
            Comparison::Eq => "eq",
            Comparison::Ne => "ne",
            Comparison::Lt => "lt",
            Comparison::Le => "le",
            Comparison::Gt => "gt",
            Comparison::Ge => "ge",
        }
    }

    /// Whether it asks which of two is the larger, and not only whether they are equal.
    pub fn is_ordering(self) -> bool {
        match self {
            Comparison::Eq | Comparison::Ne => false,
            Comparison::Lt | Comparison::Le | Comparison::Gt | Comparison::Ge => true,
        }
    }
}

/// How a reduction combines elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// Sum; floats and integers. 16-bit floats are summed in float32 by [`crate::Builder::sum`].
    Sum,
    /// Maximum, starting from the lowest value of the type (minus infinity); floats and integers.
    Max,
    /// Minimum, starting from the highest value of the type (infinity); floats and integers.
    Min,
    /// Logical and; `pred`.
    And,
    /// Logical or; `pred`.
    Or,
}

impl Reduction {
    /// Every variant, in declaration order.
    pub const ALL: [Reduction; 5] =
        [Reduction::Sum, Reduction::Max, Reduction::Min, Reduction::And, Reduction::Or];

    /// Name in the text form.
    pub fn name(self) -> &'static str {
        match self {
            Reduction::Sum => "sum",
            Reduction::Max => "max",
            Reduction::Min => "min",
            Reduction::And => "and",
            Reduction::Or => "or",
        }
    }

    /// Whether it combines truth values; otherwise numbers.
    pub fn is_logical(self) -> bool {
        match self {
            Reduction::Sum | Reduction::Max | Reduction::Min => false,
            Reduction::And | Reduction::Or => true,
        }
    }
}
