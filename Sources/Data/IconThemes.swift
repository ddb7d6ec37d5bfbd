import Foundation

/// The icons of desktop themes for the names that the freedesktop specification gives to things that can be seen.
///
/// Each theme draws the same hundred things in its own style, and each name has a caption in English and Spanish.
///
/// Source: freedesktop.org Icon Naming Specification 0.8.90.
struct IconThemes {
    /// Package and the folder of its largest pictures; `*` stands for any folders.
    private static let themes = [
        (package: "tango-icon-theme", pattern: "usr/share/icons/Tango/scalable/*"),
        (package: "oxygen-icon-theme", pattern: "usr/share/icons/oxygen/base/128x128/*"),
        (package: "gnome-icon-theme", pattern: "usr/share/icons/gnome/256x256/*"),
        (package: "elementary-icon-theme", pattern: "usr/share/icons/elementary/*/128/*"),
        (package: "faenza-icon-theme", pattern: "usr/share/icons/Faenza/*/scalable/*"),
        (package: "breeze-icon-theme", pattern: "usr/share/icons/breeze/*/64/*"),
    ]

    static var packages: [String] { themes.map(\.package) }

    let root: String

    func candidates(drop: (Drop) -> Void) throws(DataError) -> [Candidate] {
        var result: [Candidate] = []
        for theme in Self.themes {
            let licences = try DebianCopyright(path: "\(root)/usr/share/doc/\(theme.package)/copyright")
            let folder = String(theme.pattern.prefix { $0 != "*" })
            for path in try filePaths(under: "\(root)/\(folder)", extensions: ["png", "svg"]) {
                let file = folder + path
                let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
                guard matches(file, pattern: theme.pattern), let name = Self.names[stem] else { continue }
                guard let licence = licences.licence(of: file) else {
                    drop(Drop(file: file, reason: .licence))
                    continue
                }
                result.append(
                    Candidate(
                        content: path.hasSuffix(".svg")
                            ? .svg(path: "\(root)/\(file)") : .bitmap(path: "\(root)/\(file)"),
                        record: PictureRecord(
                            captions: ["en": [name.english], "es": [name.spanish]],
                            source: theme.package,
                            licence: licence,
                            family: "theme icon " + stem,
                            concept: "",
                            medium: .icon,
                            file: file
                        )
                    )
                )
            }
        }
        return result
    }

    private static let names: [String: (english: String, spanish: String)] = [
        "accessories-calculator": ("calculator", "calculadora"),
        "accessories-dictionary": ("dictionary", "diccionario"),
        "accessories-text-editor": ("notepad and pencil", "cuaderno y lápiz"),
        "address-book-new": ("address book", "libreta de direcciones"),
        "appointment-new": ("calendar", "calendario"), "audio-card": ("sound card", "tarjeta de sonido"),
        "audio-headphones": ("headphones", "auriculares"), "audio-headset": ("headset", "auriculares con micrófono"),
        "audio-input-microphone": ("microphone", "micrófono"), "audio-speakers": ("loudspeakers", "altavoces"),
        "audio-volume-high": ("loudspeaker", "altavoz"),
        "audio-volume-muted": ("muted loudspeaker", "altavoz silenciado"),
        "avatar-default": ("person", "persona"), "battery": ("battery", "batería"),
        "bookmark-new": ("bookmark", "marcapáginas"),
        "camera-photo": ("camera", "cámara de fotos"), "camera-video": ("video camera", "cámara de vídeo"),
        "camera-web": ("webcam", "cámara web"), "computer": ("computer", "ordenador"),
        "computer-laptop": ("laptop", "ordenador portátil"), "cpu": ("computer chip", "chip de ordenador"),
        "dialog-error": ("error sign", "señal de error"),
        "dialog-information": ("information sign", "señal de información"),
        "dialog-password": ("key", "llave"), "dialog-question": ("question mark", "signo de interrogación"),
        "dialog-warning": ("warning sign", "señal de advertencia"),
        "document-new": ("new sheet of paper", "hoja de papel nueva"),
        "document-print": ("printer", "impresora"), "document-save": ("disk drive with arrow", "disco con flecha"),
        "drive-harddisk": ("hard disk", "disco duro"), "drive-optical": ("disc drive", "unidad de discos"),
        "drive-removable-media": ("external disk", "disco externo"),
        "drive-removable-media-usb": ("usb stick", "memoria usb"),
        "edit-copy": ("two sheets of paper", "dos hojas de papel"), "edit-cut": ("scissors", "tijeras"),
        "edit-delete": ("delete sign", "señal de borrar"), "edit-find": ("magnifying glass", "lupa"),
        "edit-paste": ("clipboard", "portapapeles"), "edit-clear": ("broom", "escoba"),
        "edit-undo": ("arrow turning left", "flecha que gira a la izquierda"),
        "edit-redo": ("arrow turning right", "flecha que gira a la derecha"),
        "emblem-favorite": ("heart", "corazón"), "emblem-important": ("exclamation mark", "signo de exclamación"),
        "emblem-photos": ("photographs", "fotografías"), "face-angel": ("angel face", "cara de ángel"),
        "face-cool": ("face with sunglasses", "cara con gafas de sol"), "face-crying": ("crying face", "cara llorando"),
        "face-devilish": ("devil face", "cara de diablo"), "face-glasses": ("face with glasses", "cara con gafas"),
        "face-kiss": ("kissing face", "cara besando"), "face-laugh": ("laughing face", "cara riendo"),
        "face-monkey": ("monkey face", "cara de mono"), "face-plain": ("neutral face", "cara neutral"),
        "face-sad": ("sad face", "cara triste"), "face-smile": ("smiling face", "cara sonriente"),
        "face-smile-big": ("broadly smiling face", "cara muy sonriente"),
        "face-surprise": ("surprised face", "cara sorprendida"),
        "face-wink": ("winking face", "cara guiñando"), "folder": ("folder", "carpeta"),
        "folder-black": ("black folder", "carpeta negra"), "folder-blue": ("blue folder", "carpeta azul"),
        "folder-brown": ("brown folder", "carpeta marrón"), "folder-cyan": ("cyan folder", "carpeta cian"),
        "folder-documents": ("folder with documents", "carpeta con documentos"),
        "folder-download": ("folder with arrow", "carpeta con flecha"),
        "folder-green": ("green folder", "carpeta verde"), "folder-grey": ("grey folder", "carpeta gris"),
        "folder-music": ("folder with musical notes", "carpeta con notas musicales"),
        "folder-open": ("open folder", "carpeta abierta"),
        "folder-orange": ("orange folder", "carpeta naranja"),
        "folder-pictures": ("folder with pictures", "carpeta con fotos"),
        "folder-red": ("red folder", "carpeta roja"), "folder-videos": ("folder with film", "carpeta con película"),
        "folder-violet": ("purple folder", "carpeta morada"), "folder-yellow": ("yellow folder", "carpeta amarilla"),
        "format-text-bold": ("bold letter", "letra negrita"), "go-down": ("arrow down", "flecha hacia abajo"),
        "go-home": ("house", "casa"), "go-next": ("arrow right", "flecha hacia la derecha"),
        "go-previous": ("arrow left", "flecha hacia la izquierda"), "go-up": ("arrow up", "flecha hacia arriba"),
        "help-browser": ("lifebuoy", "salvavidas"), "input-gaming": ("game controller", "mando de juegos"),
        "input-keyboard": ("keyboard", "teclado"), "input-mouse": ("computer mouse", "ratón de ordenador"),
        "input-tablet": ("drawing tablet", "tableta gráfica"), "internet-mail": ("envelope", "sobre"),
        "list-add": ("plus sign", "signo más"), "list-remove": ("minus sign", "signo menos"),
        "mail-attachment": ("paper clip", "clip de papel"), "mail-message-new": ("envelope", "sobre"),
        "mail-mark-junk": ("junk mail", "correo basura"), "media-flash": ("memory card", "tarjeta de memoria"),
        "media-floppy": ("floppy disk", "disquete"), "media-optical": ("compact disc", "disco compacto"),
        "media-optical-dvd": ("dvd disc", "disco dvd"), "media-tape": ("cassette tape", "casete"),
        "modem": ("modem", "módem"), "multimedia-player": ("music player", "reproductor de música"),
        "network-server": ("computer server", "servidor"), "network-wired": ("network cable", "cable de red"),
        "network-wireless": ("wireless antenna", "antena inalámbrica"),
        "network-workgroup": ("network of computers", "red de ordenadores"),
        "office-calendar": ("calendar", "calendario"), "package-x-generic": ("cardboard box", "caja de cartón"),
        "pda": ("handheld computer", "ordenador de mano"),
        "phone": ("mobile phone", "teléfono móvil"), "printer": ("printer", "impresora"),
        "process-stop": ("stop sign", "señal de parada"), "scanner": ("scanner", "escáner"),
        "security-high": ("shield", "escudo"), "system-file-manager": ("file cabinet", "archivador"),
        "system-lock-screen": ("padlock", "candado"), "system-log-out": ("exit door", "puerta de salida"),
        "system-search": ("magnifying glass", "lupa"), "system-shutdown": ("power button", "botón de encendido"),
        "system-users": ("two people", "dos personas"), "user-desktop": ("desktop", "escritorio"),
        "user-home": ("house", "casa"),
        "user-trash": ("empty trash can", "papelera vacía"), "user-trash-full": ("full trash can", "papelera llena"),
        "utilities-terminal": ("computer terminal", "terminal de ordenador"),
        "video-display": ("computer monitor", "monitor de ordenador"),
        "video-television": ("television", "televisor"), "weather-clear": ("sun", "sol"),
        "weather-clear-night": ("moon", "luna"),
        "weather-few-clouds": ("sun behind cloud", "sol detrás de una nube"),
        "weather-few-clouds-night": ("moon behind cloud", "luna detrás de una nube"), "weather-fog": ("fog", "niebla"),
        "weather-overcast": ("grey clouds", "nubes grises"), "weather-showers": ("rain cloud", "nube de lluvia"),
        "weather-showers-scattered": ("cloud with raindrops", "nube con gotas de lluvia"),
        "weather-snow": ("cloud with snow", "nube con nieve"),
        "weather-storm": ("thundercloud with lightning", "nube de tormenta con rayo"),
        "x-office-address-book": ("address book", "libreta de direcciones"),
        "x-office-calendar": ("calendar", "calendario"), "x-office-drawing": ("drawing", "dibujo"),
        "x-office-presentation": ("presentation chart", "gráfico de presentación"),
        "x-office-spreadsheet": ("spreadsheet", "hoja de cálculo"),
    ]
}
