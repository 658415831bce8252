import com.healthmarketscience.jackcess.*;
import java.io.File;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.time.*;
import java.util.Base64;

/** Writes the logical fixture of the extractor contract test, and a table of every type, as an Access 2000 database. */
public class AccessFixture {
  static String cell(String text) {
    return text.equals("~") ? null : new String(Base64.getDecoder().decode(text), StandardCharsets.UTF_8);
  }

  public static void main(String[] arguments) throws Exception {
    try (Database db = new DatabaseBuilder(new File(arguments[1])).setFileFormat(Database.FileFormat.V2000).create()) {
      db.setDateTimeType(DateTimeType.LOCAL_DATE_TIME);
      Table rows = new TableBuilder("ho_so")
          .addColumn(new ColumnBuilder("so_hs", DataType.TEXT).setLengthInUnits(20))
          .addColumn(new ColumnBuilder("ma_xa", DataType.TEXT).setLengthInUnits(5))
          .addColumn(new ColumnBuilder("ho_ten", DataType.TEXT).setLengthInUnits(60))
          .addColumn(new ColumnBuilder("so_tien", DataType.NUMERIC).setPrecision(18).setScale(2))
          .addColumn(new ColumnBuilder("ngay", DataType.SHORT_DATE_TIME))
          .addColumn(new ColumnBuilder("ghi_chu", DataType.MEMO))
          .addColumn(new ColumnBuilder("so_dd", DataType.TEXT).setLengthInUnits(12)).toTable(db);
      for (String line : Files.readAllLines(Paths.get(arguments[0]))) {
        String[] c = line.split("\t");
        String money = cell(c[3]), day = cell(c[4]);
        rows.addRow(cell(c[0]), cell(c[1]), cell(c[2]), money == null ? null : new BigDecimal(money),
            day == null ? null : LocalDate.parse(day).atStartOfDay(), cell(c[5]), cell(c[6]));
      }
      new TableBuilder("rong").addColumn(new ColumnBuilder("so_hs", DataType.TEXT).setLengthInUnits(20)).toTable(db);
      Table types = new TableBuilder("kieu").addColumn(new ColumnBuilder("b", DataType.BOOLEAN))
          .addColumn(new ColumnBuilder("m", DataType.MONEY)).addColumn(new ColumnBuilder("d", DataType.SHORT_DATE_TIME))
          .addColumn(new ColumnBuilder("g", DataType.GUID)).addColumn(new ColumnBuilder("o", DataType.OLE))
          .addColumn(new ColumnBuilder("f", DataType.DOUBLE)).addColumn(new ColumnBuilder("s", DataType.FLOAT))
          .addColumn(new ColumnBuilder("n", DataType.NUMERIC).setPrecision(20).setScale(4))
          .addColumn(new ColumnBuilder("t", DataType.TEXT).setLengthInUnits(20)).toTable(db);
      types.addRow(true, new BigDecimal("12.5"), LocalDateTime.of(2020, 1, 2, 3, 4, 5),
          "{11223344-5566-7788-99AA-BBCCDDEEFF00}", new byte[] {0, 1, (byte) 255}, 1e21, 0.1f, new BigDecimal("1234567890.1234"), "\u0002");
      types.addRow(false, null, null, null, null, 0.1, null, null, null);
    }
  }
}
