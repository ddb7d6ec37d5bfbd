import Foundation

extension CLIPTokenizerConfiguration {
    /// The most bytes a configuration file may have.
    private static let byteLimit = 4 << 20

    /// Reads which special tokens a folder in the Hugging Face layout has, and how it pads.
    ///
    /// `tokenizer_config.json` counts first. Where that does not list the added tokens, `special_tokens_map.json`,
    /// `added_tokens.json` and `tokenizer.json` do. Each of the files may be missing.
    ///
    /// - Throws: when a file is malformed or too long, when the configuration is for another kind of tokenizer, or when
    ///   a token is to swallow the spaces beside it or to stand alone, which no CLIP has.
    ///
    /// Source: transformers 5.23, `PreTrainedTokenizerBase._from_pretrained` and `TokenizersBackend.__init__`.
    package init(directory: String) throws(TokenizerError) {
        self.init(.composing, padding: .token(CLIPVocabulary.endToken))
        func read<Value: Decodable>(
            _ type: Value.Type,
            _ name: String,
            _ expected: String
        ) throws(TokenizerError) -> Value? {
            let path = "\(directory)/\(name)"
            guard FileManager.default.fileExists(atPath: path) else { return nil }
            let limit = name == "tokenizer.json" ? CLIPVocabulary.byteLimit : Self.byteLimit
            return try TokenizerFile.decoded(type, from: path, limit: limit, expected: expected)
        }
        let expected = "a JSON object whose special tokens are strings or objects with content"
        var named = try read(NamedTokens.self, "tokenizer_config.json", expected) ?? NamedTokens()
        if let name = named.tokenizerClass, !name.contains("CLIP") {
            throw TokenizerError(
                "\(directory)/tokenizer_config.json is for tokenizer_class \(name); expected CLIPTokenizer."
            )
        }
        var added: [Int: Token] = [:]
        if let listed = named.addedTokensDecoder {
            for (key, token) in listed { if let id = Int(key) { added[id] = token } }
        } else {
            if let map = try read(NamedTokens.self, "special_tokens_map.json", expected) { named.update(with: map) }
            let ids = try read([String: Int].self, "added_tokens.json", "a JSON object of tokens and ids") ?? [:]
            for (content, id) in ids {
                let isSpecial = named.contents.contains(content)
                added[id] = Token(content: content, isNormalized: !isSpecial)
            }
            let file = try read(AddedTokensFile.self, "tokenizer.json", "a tokenizer: a JSON object with added_tokens")
            for token in file?.addedTokens ?? [] { added[token.id] = token.token }
        }
        try take(named, added: added.sorted { $0.key < $1.key }.map(\.value), directory: directory)
    }

    private mutating func take(_ named: NamedTokens, added: [Token], directory: String) throws(TokenizerError) {
        startToken = named.bosToken?.content ?? startToken
        endToken = named.eosToken?.content ?? endToken
        unknownToken = named.unkToken?.content
        padding = .token(named.padToken?.content ?? CLIPVocabulary.endToken)
        let defaults = NamedTokens(
            bosToken: Token(content: CLIPVocabulary.startToken),
            eosToken: Token(content: CLIPVocabulary.endToken),
            unkToken: Token(content: CLIPVocabulary.endToken),
            padToken: Token(content: CLIPVocabulary.endToken)
        )
        for token in added + named.list(else: defaults) + named.others {
            guard !token.content.isEmpty, !addedTokens.contains(where: { $0.content == token.content }) else {
                continue
            }
            guard !token.isUnusual else {
                throw TokenizerError(
                    "\(directory): the token \(token.content.debugDescription) has lstrip, rstrip or single_word; expected "
                        + "tokens of CLIP, which have none of these."
                )
            }
            addedTokens.append(AddedToken(token.content, isNormalized: token.isNormalized))
        }
        unknownToken = unknownToken ?? CLIPVocabulary.endToken
    }

    /// The tokens by their role, as `tokenizer_config.json` and `special_tokens_map.json` have them.
    private struct NamedTokens: Decodable {
        var tokenizerClass: String?
        var addedTokensDecoder: [String: Token]?
        var bosToken, eosToken, unkToken, sepToken, padToken, clsToken, maskToken: Token?
        var extraSpecialTokens: [Token]?
        /// The same under its older name, which counts where the newer one says nothing.
        var additionalSpecialTokens: [Token]?

        init(bosToken: Token? = nil, eosToken: Token? = nil, unkToken: Token? = nil, padToken: Token? = nil) {
            self.bosToken = bosToken
            self.eosToken = eosToken
            self.unkToken = unkToken
            self.padToken = padToken
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            func token(_ key: CodingKeys) throws -> Token? { try container.decodeIfPresent(Token.self, forKey: key) }
            tokenizerClass = try container.decodeIfPresent(String.self, forKey: .tokenizerClass)
            addedTokensDecoder = try container.decodeIfPresent([String: Token].self, forKey: .addedTokensDecoder)
            (bosToken, eosToken, unkToken, padToken) = (
                try token(.bosToken), try token(.eosToken), try token(.unkToken), try token(.padToken)
            )
            (sepToken, clsToken, maskToken) = (try token(.sepToken), try token(.clsToken), try token(.maskToken))
            // An object of names and tokens is not for CLIP.
            extraSpecialTokens = try? container.decodeIfPresent([Token].self, forKey: .extraSpecialTokens)
            additionalSpecialTokens = try? container.decodeIfPresent([Token].self, forKey: .additionalSpecialTokens)
        }

        /// The tokens in the order of the reference.
        func list(else other: NamedTokens) -> [Token] {
            [
                bosToken ?? other.bosToken, eosToken ?? other.eosToken, unkToken ?? other.unkToken, sepToken,
                padToken ?? other.padToken, clsToken, maskToken,
            ].compactMap(\.self)
        }

        /// The tokens without a role.
        var others: [Token] {
            (extraSpecialTokens?.isEmpty == false ? extraSpecialTokens : additionalSpecialTokens) ?? []
        }

        var contents: [String] { (list(else: NamedTokens()) + others).map(\.content) }

        mutating func update(with other: NamedTokens) {
            bosToken = other.bosToken ?? bosToken
            eosToken = other.eosToken ?? eosToken
            unkToken = other.unkToken ?? unkToken
            sepToken = other.sepToken ?? sepToken
            padToken = other.padToken ?? padToken
            clsToken = other.clsToken ?? clsToken
            maskToken = other.maskToken ?? maskToken
            extraSpecialTokens = others + (other.extraSpecialTokens ?? [])
            additionalSpecialTokens = other.additionalSpecialTokens
        }

        enum CodingKeys: String, CodingKey {
            case tokenizerClass = "tokenizer_class"
            case addedTokensDecoder = "added_tokens_decoder"
            case bosToken = "bos_token"
            case eosToken = "eos_token"
            case unkToken = "unk_token"
            case sepToken = "sep_token"
            case padToken = "pad_token"
            case clsToken = "cls_token"
            case maskToken = "mask_token"
            case extraSpecialTokens = "extra_special_tokens"
            case additionalSpecialTokens = "additional_special_tokens"
        }
    }

    /// The added tokens of a `tokenizer.json`.
    private struct AddedTokensFile: Decodable {
        let addedTokens: [Entry]?

        struct Entry: Decodable {
            let id: Int
            let token: Token

            init(from decoder: any Decoder) throws {
                id = try decoder.container(keyedBy: CodingKeys.self).decode(Int.self, forKey: .id)
                token = try Token(from: decoder)
            }

            enum CodingKeys: CodingKey { case id }
        }

        enum CodingKeys: String, CodingKey { case addedTokens = "added_tokens" }
    }

    /// A token, written as a string or as an object with `content`.
    private struct Token: Decodable {
        let content: String
        let isNormalized: Bool
        /// Whether it wants what no token of CLIP does.
        let isUnusual: Bool

        init(content: String, isNormalized: Bool = false, isUnusual: Bool = false) {
            self.content = content
            self.isNormalized = isNormalized
            self.isUnusual = isUnusual
        }

        init(from decoder: any Decoder) throws {
            if let text = try? decoder.singleValueContainer().decode(String.self) {
                self.init(content: text)
                return
            }
            let container = try decoder.container(keyedBy: CodingKeys.self)
            func flag(_ key: CodingKeys) throws -> Bool? { try container.decodeIfPresent(Bool.self, forKey: key) }
            self.init(
                content: try container.decode(String.self, forKey: .content),
                isNormalized: try flag(.normalized) ?? false,
                isUnusual: try flag(.lstrip) == true || flag(.rstrip) == true || flag(.singleWord) == true
            )
        }

        enum CodingKeys: String, CodingKey {
            case content, normalized, lstrip, rstrip
            case singleWord = "single_word"
        }
    }
}
