package box;

import java.io.FileDescriptor;
import java.lang.reflect.Field;

/** The line to the judge: descriptor 3, which Java has no name for. */
final class Line {
    private Line() {}

    static FileDescriptor open() throws ReflectiveOperationException {
        FileDescriptor line = new FileDescriptor();
        Field number = FileDescriptor.class.getDeclaredField("fd");
        number.setAccessible(true);
        number.setInt(line, 3);
        return line;
    }
}
