import LienzoNN
import LienzoTorch

extension DoublingConv2d {
    /// The map that an autoencoder's decoder goes on with.
    ///
    /// The largest maps do not fit into what those before them have left, which would be as much memory again: it is given
    /// back.
    ///
    /// - Parameter x: `[N, in, H, W]`.
    /// - Returns: `[N, out, 2 H, 2 W]`.
    func doubledMap(_ x: Tensor) -> Tensor {
        let map = self(x)
        if map.count > 1 << 24 { Engine.returnFreedMemory() }
        return map
    }
}
