"""The tables of the city system: names, types and order of columns as in OpenCPS v2 (AGPL; facts only, no code).

A subset: columns of the real tables that are empty in most installations (delegate*, postal*, form*) are left out.
Dates are DATETIME as MariaDB installations have them; text columns have the real widths.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    name: str
    type: str


@dataclass(frozen=True)
class TableDef:
    name: str
    columns: tuple[Column, ...]
    index: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return next(c.name for c in self.columns if c.type.endswith("primary key"))

    def names(self) -> list[str]:
        return [c.name for c in self.columns]

    def ddl(self, *, sqlite: bool) -> str:
        def kind(column: Column) -> str:
            if not sqlite:
                return column.type
            number = column.type.startswith(("bigint", "int", "tinyint"))
            return ("integer" if number else "text") + (" primary key" if column.type.endswith("primary key") else "")

        body = ", ".join(f"{c.name} {kind(c)}" for c in self.columns)
        tail = "" if sqlite else " engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci"
        return f"create table {self.name} ({body}){tail}"


def _table(name: str, columns: str, *index: str) -> TableDef:
    pairs = [line.strip().split(" ", 1) for line in columns.strip().splitlines()]
    return TableDef(name, tuple(Column(n, t) for n, t in pairs), index)


DOSSIER = _table(
    "opencps_dossier",
    """
    uuid_ varchar(75)
    dossierId bigint not null primary key
    groupId bigint
    companyId bigint
    userId bigint
    userName varchar(255)
    createDate datetime
    modifiedDate datetime
    referenceUid varchar(255)
    serviceCode varchar(128)
    serviceName text
    govAgencyCode varchar(128)
    govAgencyName varchar(512)
    applicantName varchar(500)
    applicantIdType varchar(128)
    applicantIdNo varchar(128)
    applicantIdDate datetime
    address text
    cityCode varchar(128)
    cityName varchar(255)
    districtCode varchar(128)
    districtName varchar(512)
    wardCode varchar(128)
    wardName varchar(512)
    contactTelNo varchar(128)
    contactEmail varchar(255)
    briefNote text
    dossierNo varchar(255)
    submitDate datetime
    receiveDate datetime
    dueDate datetime
    releaseDate datetime
    finishDate datetime
    dossierStatus varchar(255)
    dossierStatusText text
    dossierSubStatus varchar(128)
    viaPostal int
    password_ varchar(75)
    online_ tinyint
    originality int
    originDossierNo varchar(255)
    """,
    "modifiedDate",
    "dossierNo",
)
ACTION = _table(
    "opencps_dossieraction",
    """
    uuid_ varchar(75)
    dossierActionId bigint not null primary key
    companyId bigint
    groupId bigint
    userId bigint
    createDate datetime
    modifiedDate datetime
    dossierId bigint
    previousActionId bigint
    actionCode varchar(75)
    actionUser varchar(255)
    actionName varchar(255)
    actionNote text
    actionOverdue int
    pending tinyint
    stepCode varchar(75)
    dueDate datetime
    """,
    "dossierId",
)
FILE = _table(
    "opencps_dossierfile",
    """
    uuid_ varchar(75)
    dossierFileId bigint not null primary key
    companyId bigint
    groupId bigint
    userId bigint
    createDate datetime
    modifiedDate datetime
    dossierId bigint
    referenceUid varchar(255)
    dossierPartNo varchar(75)
    dossierPartType int
    fileTemplateNo varchar(128)
    displayName varchar(512)
    fileEntryId bigint
    removed tinyint
    deliverableCode varchar(128)
    """,
    "dossierId",
)
TABLES = (DOSSIER, ACTION, FILE)
