package box;

import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreePath;
import com.sun.source.util.TreePathScanner;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.lang.model.element.Modifier;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.StandardLocation;
import javax.tools.ToolProvider;

/**
 * Compiles one source after another, from memory to memory, in a virtual machine that stays warm.
 *
 * <p>A request is a length and a source; the answer is a byte (1: compiled), a length, and the messages
 * or what {@link Launcher} takes: the class to start with, then each class. A source sees the platform
 * only; nothing of it is run here, annotation processors included.
 */
final class Compiler {
    private static final List<String> OPTIONS =
            List.of("-proc:none", "-nowarn", "-Xlint:none", "-implicit:none", "-XDstringConcat=inline");
    private static final int MOST_MESSAGES = 20;

    private final JavaCompiler javac = ToolProvider.getSystemJavaCompiler();
    private final StandardJavaFileManager platform =
            javac.getStandardFileManager(null, Locale.ROOT, StandardCharsets.UTF_8);

    Compiler() throws IOException {
        platform.setLocation(StandardLocation.CLASS_PATH, List.of());
        platform.setLocation(StandardLocation.SOURCE_PATH, List.of());
    }

    /** Given sources, only compiles them: to find out which classes that takes. */
    public static void main(String[] trials) throws Exception {
        Compiler compiler = new Compiler();
        for (String trial : trials) {
            compiler.compile(trial);
        }
        if (trials.length == 0) {
            FileDescriptor line = Line.open();
            compiler.serve(new DataInputStream(new FileInputStream(line)), new FileOutputStream(line));
        }
    }

    private void serve(DataInputStream in, OutputStream out) throws IOException {
        while (true) {
            int size = in.readInt();
            String source = new String(in.readNBytes(size), StandardCharsets.UTF_8);
            ByteArrayOutputStream answer = new ByteArrayOutputStream();
            DataOutputStream data = new DataOutputStream(answer);
            byte[] body;
            boolean compiled = false;
            try {
                body = compile(source);
                compiled = true;
            } catch (Refused refused) {
                body = refused.getMessage().getBytes(StandardCharsets.UTF_8);
            } catch (StackOverflowError tooDeep) {
                body = "error: the source is nested too deeply".getBytes(StandardCharsets.UTF_8);
            }
            data.writeByte(compiled ? 1 : 0);
            data.writeInt(body.length);
            data.write(body);
            answer.writeTo(out);
        }
    }

    byte[] compile(String source) throws IOException {
        DiagnosticCollector<JavaFileObject> said = new DiagnosticCollector<>();
        Memory memory = new Memory(platform);
        JavacTask task = (JavacTask) javac.getTask(null, memory, said, OPTIONS, null, List.of(new Source(source)));
        MainFinder finder = new MainFinder();
        for (CompilationUnitTree unit : task.parse()) {
            finder.scan(unit, null);
        }
        task.generate();
        List<String> errors = new ArrayList<>();
        for (Diagnostic<? extends JavaFileObject> each : said.getDiagnostics()) {
            if (each.getKind() == Diagnostic.Kind.ERROR && errors.size() < MOST_MESSAGES) {
                errors.add("line " + each.getLineNumber() + ": error: " + each.getMessage(Locale.ROOT));
            }
        }
        if (!errors.isEmpty()) {
            throw new Refused(String.join("\n", errors));
        }
        if (finder.found == null) {
            throw new Refused("error: no main method");
        }
        return pack(finder.found, memory.classes);
    }

    private static byte[] pack(String first, Map<String, ByteArrayOutputStream> classes) throws IOException {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(packed);
        out.writeUTF(first);
        out.writeInt(classes.size());
        for (Map.Entry<String, ByteArrayOutputStream> each : classes.entrySet()) {
            out.writeUTF(each.getKey());
            out.writeInt(each.getValue().size());
            each.getValue().writeTo(out);
        }
        return packed.toByteArray();
    }

    /** Why a source was not compiled. */
    private static final class Refused extends RuntimeException {
        Refused(String why) {
            super(why);
        }
    }

    /** Finds the class with the last main method of a source: tests come after the program. */
    private static final class MainFinder extends TreePathScanner<Void, Void> {
        String found;

        @Override
        public Void visitMethod(MethodTree method, Void nothing) {
            boolean named = method.getName().contentEquals("main") && method.getParameters().size() == 1;
            if (named && method.getModifiers().getFlags().contains(Modifier.STATIC)) {
                found = binaryName(getCurrentPath());
            }
            return super.visitMethod(method, nothing);
        }

        private static String binaryName(TreePath path) {
            String name = "";
            for (TreePath at = path; at != null; at = at.getParentPath()) {
                Tree leaf = at.getLeaf();
                if (leaf instanceof ClassTree) {
                    String own = ((ClassTree) leaf).getSimpleName().toString();
                    name = name.isEmpty() ? own : own + "$" + name;
                }
            }
            var home = path.getCompilationUnit().getPackageName();
            return home == null ? name : home + "." + name;
        }
    }

    /** A source in memory. Its public classes may have any name. */
    private static final class Source extends SimpleJavaFileObject {
        private final String text;

        Source(String text) {
            super(URI.create("memory:///Main.java"), Kind.SOURCE);
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreErrors) {
            return text;
        }

        @Override
        public boolean isNameCompatible(String name, Kind kind) {
            return true;
        }
    }

    /** Keeps classes in memory. */
    private static final class Memory extends ForwardingJavaFileManager<StandardJavaFileManager> {
        final Map<String, ByteArrayOutputStream> classes = new LinkedHashMap<>();

        Memory(StandardJavaFileManager platform) {
            super(platform);
        }

        @Override
        public JavaFileObject getJavaFileForOutput(
                JavaFileManager.Location place, String name, JavaFileObject.Kind kind, FileObject from) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            classes.put(name, bytes);
            return new SimpleJavaFileObject(URI.create("memory:///" + name.replace('.', '/') + ".class"), kind) {
                @Override
                public OutputStream openOutputStream() {
                    return bytes;
                }
            };
        }
    }
}
