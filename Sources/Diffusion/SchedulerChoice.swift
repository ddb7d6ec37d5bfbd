/// A scheduler that a user names in place of the model's own: `ddim`, `euler-a`, `dpm++2m-karras`.
package struct SchedulerChoice: Sendable, Equatable {
    /// The name as the user wrote it, in lower case.
    package let name: String
    private let kind: Kind
    private let usesKarras: Bool

    /// Every name, without the suffix `-karras`.
    package static let names = Kind.allCases.map(\.rawValue)
    /// The names that the suffix `-karras` may stand behind.
    package static let karrasNames = Kind.allCases.filter(\.hasKarras).map(\.rawValue)

    private static let suffix = "-karras"

    private enum Kind: String, CaseIterable {
        case ddim
        case ddpm
        case pndm
        case plms
        case euler
        case eulerAncestral = "euler-a"
        case heun
        case dpm2M = "dpm++2m"
        case dpm2MSDE = "dpm++2m-sde"
        case dpmSDE = "dpm++sde"
        case uniPC = "unipc"
        case lcm
        case unCLIP = "unclip"

        var hasKarras: Bool { [.euler, .heun, .dpm2M, .dpm2MSDE, .dpmSDE, .uniPC].contains(self) }
    }

    /// The choice of a name.
    ///
    /// - Parameters:
    ///   - name: one of ``names``, in any case; with `-karras` behind it, the sigmas are spread as Karras et al. do.
    ///   - karras: whether they are so without that suffix.
    /// - Throws: ``DiffusionError`` for a name that there is not, and for Karras sigmas where a scheduler has none.
    package init(_ name: String, karras: Bool = false) throws(DiffusionError) {
        let name = name.lowercased()
        let hasSuffix = name.hasSuffix(Self.suffix)
        let stem = hasSuffix ? String(name.dropLast(Self.suffix.count)) : name
        guard let kind = Kind(rawValue: stem) else { throw .unknownScheduler(name) }
        guard kind.hasKarras || !(hasSuffix || karras) else { throw .noKarras(stem) }
        self.name = name
        self.kind = kind
        usesKarras = hasSuffix || karras
    }

    /// Reads the keys that the scheduler knows, and sets what its name says.
    ///
    /// `pndm` keeps `skip_prk_steps`, whose default is Runge-Kutta steps; `plms` has none.
    func configuration(from decoder: any Decoder) throws -> SchedulerConfiguration {
        switch kind {
        case .ddim: .ddim(try DDIMConfiguration(from: decoder))
        case .ddpm: .ddpm(try DDPMConfiguration(from: decoder))
        case .pndm: .pndm(try PNDMConfiguration(from: decoder))
        case .plms: .pndm(try read(decoder) { $0.skipsRungeKutta = true })
        case .euler: .euler(try read(decoder) { spread(&$0.sigmas) })
        case .eulerAncestral: .eulerAncestral(try EulerAncestralConfiguration(from: decoder))
        case .heun: .heun(try read(decoder) { spread(&$0.sigmas) })
        case .dpm2M: .dpmSolver(try multistep(decoder, .deterministic))
        case .dpm2MSDE: .dpmSolver(try multistep(decoder, .stochastic))
        case .dpmSDE: .dpmSolverSDE(try read(decoder) { spread(&$0.sigmas) })
        case .uniPC: .uniPC(try read(decoder) { spread(&$0.sigmas) })
        case .lcm: .lcm(try LCMConfiguration(from: decoder))
        case .unCLIP: .unCLIP(try UnCLIPConfiguration(from: decoder))
        }
    }

    private func multistep(
        _ decoder: any Decoder,
        _ algorithm: DPMSolverConfiguration.Algorithm
    ) throws -> DPMSolverConfiguration {
        try read(decoder) {
            $0.algorithm = algorithm
            $0.order = 2
            spread(&$0.sigmas)
        }
    }

    private func read<Own: SamplerConfiguration>(
        _ decoder: any Decoder,
        changing change: (inout Own) -> Void
    ) throws -> Own {
        var configuration = try Own(from: decoder)
        change(&configuration)
        return configuration
    }

    private func spread(_ sigmas: inout SigmaConfiguration) {
        if usesKarras {
            sigmas.spacing = .karras
        }
    }
}
