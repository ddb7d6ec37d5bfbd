import CTorch

/// An n-dimensional array of numbers on a device.
///
/// A value around a reference-counted handle: copying it is cheap and shares the elements, which never change except
/// through the in-place functions of training. Operators do not throw; see ``torchScope(_:)``. A tensor is not
/// `Sendable`: it stays with the actor that made it.
package struct Tensor {
    final class Storage {
        let handle: CTorchTensor

        init(_ handle: CTorchTensor) {
            self.handle = handle
        }

        deinit {
            ctorch_tensor_free(handle)
        }
    }

    /// `nil` after a failed operator inside a scope.
    let storage: Storage?

    /// Takes ownership of what an operator returned.
    init(_ handle: CTorchTensor?) {
        if let handle {
            storage = Storage(handle)
        } else {
            requireScope()
            storage = nil
        }
    }

    /// Calls `body` with the handle, which lives until `body` returns.
    @inline(__always)
    func withHandle<Result>(_ body: (CTorchTensor?) -> Result) -> Result {
        withExtendedLifetime(storage) { body(storage?.handle) }
    }

    /// Whether an operator yielded this tensor; false only inside a scope that is about to throw.
    package var isValid: Bool { storage != nil }

    // MARK: What it is

    /// The length of each dimension.
    package var shape: [Int] {
        withHandle { handle in
            guard let handle else { return [] }
            var shape = [Int64](repeating: 0, count: Int(ctorch_tensor_rank(handle)))
            ctorch_tensor_shape(handle, &shape)
            return shape.map(Int.init)
        }
    }

    /// The number of dimensions.
    package var rank: Int { withHandle { $0.map { Int(ctorch_tensor_rank($0)) } ?? 0 } }

    /// The number of elements.
    package var count: Int { shape.reduce(1, *) }

    /// The length of one dimension; negative counts from the end.
    package func size(_ dim: Int) -> Int {
        let shape = shape
        let index = dim < 0 ? dim + shape.count : dim
        return shape.indices.contains(index) ? shape[index] : 0
    }

    /// The type of the elements.
    package var dtype: DType { withHandle { $0.flatMap { DType(code: ctorch_tensor_dtype($0)) } ?? .float32 } }

    /// Where the elements are.
    package var device: Device { withHandle { $0.map { Device(code: ctorch_tensor_device($0)) } ?? .cpu } }

    // MARK: Making

    /// A tensor of the elements in row-major order.
    package init<Element: TensorElement>(_ elements: [Element], shape: [Int]? = nil, device: Device = .cpu) {
        let shape = (shape ?? [elements.count]).map(Int64.init)
        precondition(
            shape.reduce(1, *) == elements.count,
            "\(elements.count) elements do not fill a tensor of shape \(shape)"
        )
        let borrowed = elements.withUnsafeBytes { bytes in
            // An empty array has no address; any will do, because nothing is read.
            let address = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 16)
            return address.flatMap {
                ctorch_from_memory($0, shape, Int32(shape.count), Element.dtype.code, nil, nil)
            }
            .map { view in
                defer { ctorch_tensor_free(view) }
                return ctorch_clone(view)
            }
        }
        self = Tensor(borrowed ?? nil).to(device)
    }

    /// A tensor of rows of float32, one after the other, each copied once.
    ///
    /// - Parameters:
    ///   - rows: together as many numbers as `shape` says.
    ///   - shape: the sizes of the dimensions.
    package init(rows: some Collection<[Float]>, shape: [Int]) {
        let memory = RowMemory(rows)
        precondition(shape.reduce(1, *) == memory.numbers.count, "the rows do not fill a tensor of shape \(shape)")
        guard let address = memory.numbers.baseAddress, !memory.numbers.isEmpty else {
            self = .zeros(shape)
            return
        }
        self.init(viewing: address, shape: shape, dtype: .float32, owner: memory)
    }

    /// A tensor of rank 0.
    package init(_ value: Double, dtype: DType = .float32, device: Device = .cpu) {
        self = .full([], value, dtype: dtype, device: device)
    }

    /// A tensor over memory that `owner` keeps alive, without a copy.
    ///
    /// Nothing may write to it.
    ///
    /// - Parameters:
    ///   - bytes: row-major elements, aligned for `dtype`, at least as many as `shape` says.
    ///   - shape: the sizes of the dimensions.
    ///   - dtype: the type of the elements.
    ///   - owner: released with the last tensor that views the memory.
    package init(viewing bytes: UnsafeRawPointer, shape: [Int], dtype: DType, owner: AnyObject) {
        let context = Unmanaged.passRetained(owner).toOpaque()
        let handle = ctorch_from_memory(
            bytes,
            shape.map(Int64.init),
            Int32(shape.count),
            dtype.code,
            { context in
                if let context { Unmanaged<AnyObject>.fromOpaque(context).release() }
            },
            context
        )
        self.init(handle)
    }

    package static func full(
        _ shape: [Int],
        _ value: Double,
        dtype: DType = .float32,
        device: Device = .cpu
    ) -> Tensor {
        Tensor(ctorch_full(shape.map(Int64.init), Int32(shape.count), value, dtype.code, device.code))
    }

    package static func zeros(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        full(shape, 0, dtype: dtype, device: device)
    }

    package static func ones(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        full(shape, 1, dtype: dtype, device: device)
    }

    /// The numbers from `start` in steps of `step`, `end` excluded.
    package static func arange(
        _ start: Double = 0,
        _ end: Double,
        step: Double = 1,
        dtype: DType = .float32,
        device: Device = .cpu
    ) -> Tensor {
        Tensor(ctorch_arange(start, end, step, dtype.code, device.code))
    }

    /// `count` numbers from `start` to `end`, both included.
    package static func linspace(
        _ start: Double,
        _ end: Double,
        count: Int,
        dtype: DType = .float32,
        device: Device = .cpu
    ) -> Tensor {
        Tensor(ctorch_linspace(start, end, Int64(count), dtype.code, device.code))
    }

    // MARK: Elements out

    /// The elements in row-major order, converted to `Element`.
    package func elements<Element: TensorElement>(as type: Element.Type = Element.self) -> [Element] {
        guard isValid else { return [] }
        let count = count
        return withHandle { handle in
            guard let handle else { return [] }
            return [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
                let bytes = UnsafeMutableRawBufferPointer(buffer)
                let succeeded = ctorch_copy_out(
                    handle,
                    Element.dtype.code,
                    bytes.baseAddress,
                    count * MemoryLayout<Element>.stride
                )
                check(succeeded)
                initialized = succeeded ? count : 0
            }
        }
    }

    /// The elements as 32-bit floating-point numbers.
    package func floats() -> [Float] { elements() }

    /// The elements as 64-bit whole numbers.
    package func int64s() -> [Int64] { elements() }

    /// The only element of a tensor that has one; not a number where there is none.
    package var item: Double { elements(as: Double.self).first ?? .nan }

    /// The elements' bytes in their own type and row-major order.
    package func bytes() -> [UInt8] {
        guard isValid else { return [] }
        let count = count * dtype.byteCount
        let code = dtype.code
        return withHandle { handle in
            guard let handle else { return [] }
            return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                let succeeded = ctorch_copy_out(
                    handle,
                    code,
                    buffer.baseAddress,
                    count
                )
                check(succeeded)
                initialized = succeeded ? count : 0
            }
        }
    }

    // MARK: Type, place and layout

    package func to(_ dtype: DType) -> Tensor { to(device, dtype) }

    package func to(_ device: Device) -> Tensor { to(device, dtype) }

    package func to(_ device: Device, _ dtype: DType) -> Tensor {
        withHandle { Tensor(ctorch_to($0, dtype.code, device.code)) }
    }

    /// A copy with its own memory.
    package func copy() -> Tensor { withHandle { Tensor(ctorch_clone($0)) } }

    /// The same elements in row-major order without gaps.
    package func contiguous() -> Tensor { withHandle { Tensor(ctorch_contiguous($0, false)) } }

    /// A batch of pictures `[N, C, H, W]` with the channels of one pixel side by side, as convolutions like it.
    package func channelsLast() -> Tensor { withHandle { Tensor(ctorch_contiguous($0, true)) } }

    /// Whether the elements are in row-major order without gaps.
    package var isContiguous: Bool { withHandle { $0.map(ctorch_tensor_is_contiguous) ?? true } }
}

extension Tensor: CustomStringConvertible {
    package var description: String { isValid ? "Tensor(\(shape), \(dtype), \(device))" : "Tensor(invalid)" }
}

/// A Swift number that is a tensor's element.
package protocol TensorElement: BitwiseCopyable, Sendable {
    /// The type that tensors have for it.
    static var dtype: DType { get }
}

extension Float: TensorElement { package static var dtype: DType { .float32 } }
extension Double: TensorElement { package static var dtype: DType { .float64 } }
extension Int64: TensorElement { package static var dtype: DType { .int64 } }
extension Int32: TensorElement { package static var dtype: DType { .int32 } }
extension UInt8: TensorElement { package static var dtype: DType { .uint8 } }
extension Bool: TensorElement { package static var dtype: DType { .bool } }

/// Rows in one piece of memory.
private final class RowMemory {
    let numbers: UnsafeMutableBufferPointer<Float>

    init(_ rows: some Collection<[Float]>) {
        numbers = .allocate(capacity: rows.reduce(0) { $0 + $1.count })
        var start = 0
        for row in rows {
            start = UnsafeMutableBufferPointer(rebasing: numbers[start...]).initialize(fromContentsOf: row) + start
        }
    }

    deinit { numbers.deallocate() }
}
